import type {SessionId} from '../protocol/ids.js';
import type {StoreDurability} from '../protocol/store-durability.js';

/** What a tab tells the worker that it has just created or joined. */
export interface WorkerGreeting {
  type: 'sharedb-tabs';
  namespace: string;
  /** The server's absolute URL, where the tab knows it. */
  url: string | undefined;
  /** The tab's option `store`. */
  store: {durability?: StoreDurability | undefined} | false | undefined;
  /** The tabs have tokens for the server: the host is to ask one of them for each connect. */
  needsToken: boolean;
  /** The host in office does not answer: take its place. */
  steal: boolean;
  /** The generation of the last host that the tab has heard of. */
  after: number;
}

/** What a tab and the worker that it has for itself say beside that. */
export type WorkerSignal =
  /** The worker's script has run, and a host can start. */
  | {type: 'sharedb-tabs:ready'}
  /** The tab wants the worker's hosts to stop. */
  | {type: 'sharedb-tabs:stop'}
  /** They have. */
  | {type: 'sharedb-tabs:stopped'};

/** A port to a host in the worker, for one session. It comes with this message. */
export interface PortOffer {
  type: 'sharedb-tabs:port';
  session: SessionId;
}

export function isPortOffer(data: unknown): data is PortOffer {
  const offer = data as PortOffer | null;
  return !!offer && typeof offer === 'object' && offer.type === 'sharedb-tabs:port' && typeof offer.session === 'string';
}

export function parseWorkerGreeting(data: unknown): WorkerGreeting | undefined {
  const greeting = data as WorkerGreeting | null;
  const ok = !!greeting && typeof greeting === 'object' && greeting.type === 'sharedb-tabs' &&
    typeof greeting.namespace === 'string' && (greeting.url === undefined || typeof greeting.url === 'string') &&
    typeof greeting.needsToken === 'boolean' && typeof greeting.steal === 'boolean' && typeof greeting.after === 'number';
  return ok ? greeting : undefined;
}

export function isSignal(data: unknown, type: WorkerSignal['type']): boolean {
  return !!data && typeof data === 'object' && (data as {type?: unknown}).type === type;
}
