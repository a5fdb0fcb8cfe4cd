import {isMaybeClearing, type Clearing} from '../protocol/clearing.js';
import type {Hello} from '../protocol/frames.js';
import {parseGreetingMessage} from '../protocol/greeting-guards.js';
import type {StoreDurability} from '../protocol/store-durability.js';

/** The first message of a tab to the worker that it has created or connected to. */
export interface WorkerGreeting {
  type: 'sharedb-tabs';
  namespace: string;
  /** The server's absolute URL, if the tab's options have one. */
  url: string | undefined;
  /** The tab's option `store`. */
  store: {durability?: StoreDurability | undefined; resume?: 'snapshot' | 'ops' | undefined; maxAge?: number | undefined; maxSize?: number | undefined} | false | undefined;
  /** Whether the tabs supply tokens for the server. If so, the host asks for one at each connection attempt. */
  needsToken: boolean;
  /** Whether to replace the current host, because it does not answer. */
  steal: boolean;
  /** The last clearing of the namespace that the tab knows of. */
  cleared?: Clearing | undefined;
  /** The generation of the last host that the tab had a session with; 0 if none. */
  after: number;
}

/**
 * The options of a tab that a host takes from the tab that starts it. Tabs of an election exchange them, and a tab that has a worker
 * of its own passes those of the others to it.
 */
export interface TabOptions extends Pick<WorkerGreeting, 'namespace' | 'url' | 'store'> {
  type: 'sharedb-tabs:options';
  /** Whether the other tabs answer with their options. */
  isQuestion: boolean;
}

/** The other messages between a tab and a worker. */
export type WorkerSignal =
  /** The tab uses another mode and leaves this shared worker. */
  | {type: 'sharedb-tabs:leave'}
  /** The script of the tab's dedicated worker has run, and a host can start. */
  | {type: 'sharedb-tabs:ready'}
  /** The tab asks the worker's hosts to stop. */
  | {type: 'sharedb-tabs:stop'}
  /** The worker's hosts have stopped. */
  | {type: 'sharedb-tabs:stopped'};

/** The worker can't be the host of a tab that has greeted it, because of a mistake in its script or in the tab's options. */
export interface WorkerFailure {
  type: 'sharedb-tabs:failed';
  kind: 'idle' | 'refusal' | 'script';
  reason: string;
}

export function parseWorkerFailure(data: unknown): WorkerFailure | undefined {
  const {kind, reason} = (data ?? {}) as Partial<WorkerFailure>;
  const ok = isSignal(data, 'sharedb-tabs:failed') && ['idle', 'refusal', 'script'].includes(kind!) && typeof reason === 'string';
  return ok ? data as WorkerFailure : undefined;
}

/** A tab's greeting to the host in a shared worker. The message transfers a port for the session of this greeting. */
export interface PortHello {
  type: 'sharedb-tabs:hello';
  namespace: string;
  hello: Hello;
}

export function parsePortHello(data: unknown): PortHello | undefined {
  const message = data as PortHello | null;
  const ok = !!message && typeof message === 'object' && message.type === 'sharedb-tabs:hello' &&
    typeof message.namespace === 'string' && parseGreetingMessage(message.hello)?.type === 'hello';
  return ok ? message : undefined;
}

export function parseWorkerGreeting(data: unknown): WorkerGreeting | undefined {
  const greeting = data as WorkerGreeting | null;
  const ok = !!greeting && typeof greeting === 'object' && greeting.type === 'sharedb-tabs' &&
    typeof greeting.namespace === 'string' && (greeting.url === undefined || typeof greeting.url === 'string') &&
    typeof greeting.needsToken === 'boolean' && typeof greeting.steal === 'boolean' && typeof greeting.after === 'number' &&
    isMaybeClearing(greeting.cleared);
  return ok ? greeting : undefined;
}

export function isSignal(data: unknown, type: (WorkerSignal | WorkerFailure | TabOptions)['type']): boolean {
  return !!data && typeof data === 'object' && (data as {type?: unknown}).type === type;
}
