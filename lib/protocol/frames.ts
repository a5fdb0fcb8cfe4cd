import type {Epoch, SessionId, TabId} from './ids.js';

/** The greeting of a tab, in the lobby. */
export interface Hello {
  type: 'hello';
  protocol: number;
  tabId: TabId;
  /** Counts a tab's greetings, so that a late answer to an earlier one is told apart. */
  attempt: number;
  /** Whether the tab holds its Web Lock, which the host then waits for. */
  locked: boolean;
}

/** A host tells the lobby that it is there. Tabs that have no session with it greet it. */
export interface HostHere {
  type: 'here';
  protocol: number;
  epoch: Epoch;
}

export type LobbyMessage = Hello | HostHere;

/** The host's answer to a greeting, on the tab's channel: the session begins. */
export interface Welcome {
  type: 'welcome';
  attempt: number;
  epoch: Epoch;
  /** Hosts of one lineage continue each other's histories: from a store, or by being the same host. */
  lineage: string;
  session: SessionId;
}

/** The host's answer to a greeting that it does not understand. */
export interface Refusal {
  type: 'refusal';
  attempt: number;
  protocol: number;
}

export type Side = 'tab' | 'host';

/** All that one side had to say in one turn of its event loop, in order. */
export interface Batch {
  type: 'batch';
  session: SessionId;
  from: Side;
  /** Counts a session's batches in one direction, from 1. A gap ends the session. */
  n: number;
  /** The last batch of the other side that was handled. */
  ack: number;
  /** Each a message as JSON: cheaper than a structured clone, and made once for many tabs. */
  messages: string[];
}

/** One side ends the session; `closed` means for good, anything else that the tab may greet again. */
export interface End {
  type: 'end';
  session: SessionId;
  from: Side;
  reason: string;
}

export type TabChannelMessage = Welcome | Refusal | Batch | End;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What a channel delivered, if it has the form of a lobby message. */
export function parseLobbyMessage(data: unknown): LobbyMessage | undefined {
  if (!isRecord(data) || !isCount(data['protocol'])) return undefined;
  if (data['type'] === 'hello') {
    const ok = typeof data['tabId'] === 'string' && data['tabId'] !== '' && isCount(data['attempt']);
    return ok && typeof data['locked'] === 'boolean' ? (data as unknown as Hello) : undefined;
  }
  if (data['type'] === 'here') return typeof data['epoch'] === 'string' ? (data as unknown as HostHere) : undefined;
  return undefined;
}

/** What a channel delivered, if it has the form of a message of a tab's channel. */
export function parseTabChannelMessage(data: unknown): TabChannelMessage | undefined {
  if (!isRecord(data)) return undefined;
  switch (data['type']) {
    case 'welcome':
      return isCount(data['attempt']) && typeof data['epoch'] === 'string' && typeof data['lineage'] === 'string' && typeof data['session'] === 'string'
        ? (data as unknown as Welcome) : undefined;
    case 'refusal':
      return isCount(data['attempt']) && isCount(data['protocol']) ? (data as unknown as Refusal) : undefined;
    case 'batch':
      return typeof data['session'] === 'string' && (data['from'] === 'tab' || data['from'] === 'host') &&
        isCount(data['n']) && isCount(data['ack']) &&
        Array.isArray(data['messages']) && data['messages'].every(message => typeof message === 'string')
        ? (data as unknown as Batch) : undefined;
    case 'end':
      return typeof data['session'] === 'string' && (data['from'] === 'tab' || data['from'] === 'host') &&
        typeof data['reason'] === 'string' ? (data as unknown as End) : undefined;
    default:
      return undefined;
  }
}
