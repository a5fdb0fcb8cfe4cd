import {isCount, isObject, isText} from './checks.js';
import type {Epoch, SessionId, TabId} from './ids.js';

/** The greeting of a tab: on the greeting channel, or on a port to a host that it is connected to. */
export interface Hello {
  type: 'hello';
  protocol: number;
  tabId: TabId;
  /** Counts a tab's greetings, so that a late answer to an earlier one is told apart. */
  attempt: number;
  /** Whether the tab holds its Web Lock, which the host then waits for. Else it may do so later: see {@link Locked}. */
  locked: boolean;
  /** The highest generation of hosts that the tab has heard of. */
  generation: number;
  /** What a session on a port is called: what the tab says there before it is welcomed is its beginning. */
  session: SessionId;
  /** A page that only looks: the host lets it change nothing, and does not count it as a tab. */
  isObserver?: true;
}

/** A host announces itself on the greeting channel. Tabs that have no session with it greet it. */
export interface HostHere {
  type: 'here';
  protocol: number;
  epoch: Epoch;
  /** Later hosts have higher ones: who has heard of a higher one has nothing more to say to this host. */
  generation: number;
}

/** A host that waits for the host lock: a current host of an older build makes room for it. */
export interface TakeoverRequest {
  type: 'candidate';
  protocol: number;
  /** What the app calls its build; empty where it does not say. */
  build: string;
}

export type GreetingMessage = Hello | HostHere | TakeoverRequest;

/** Where a host lives. */
export type Place = 'shared-worker' | 'elected-tab' | 'direct';

/** Whether a host that lives there is apart from its tabs: nobody can tell a microtask from a tick, and it outlives them. */
export const isApart = (place: Place): boolean => place !== 'direct';

/** The host's answer to a greeting, on the tab's channel or port: the session begins. */
export interface Welcome {
  type: 'welcome';
  attempt: number;
  epoch: Epoch;
  generation: number;
  place: Place;
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

/** The answer to a greeting on a port behind which there is no current host. */
export interface Absent {
  type: 'absent';
  attempt: number;
}

export type Side = 'tab' | 'host';

/** All that one side had to say in one turn of its event loop, in order. */
export interface Batch {
  type: 'batch';
  session: SessionId;
  from: Side;
  /** When a tab sent it, in ms since the epoch: what comes late may have been told to another host since. */
  time?: number;
  /** Counts a session's batches in one direction, from 1. A gap ends the session. */
  n: number;
  /** The last batch of the other side that was handled. */
  ack: number;
  /**
   * All batches up to this one tell of what is durable; left out where that is this very one. What comes early are
   * acknowledgements: another host may not know the revisions that they have brought.
   */
  durable?: number;
  /** The host could not write when it sent this: another host may have another history from here on. */
  down?: true;
  /** Each a message as JSON: cheaper than a structured clone, and made once for many tabs. */
  messages: string[];
  /** Cloned, not JSON, and handled after the messages. Left out where there are none. Who receives them checks each. */
  frames?: ServiceFrame[];
}

/** What is told of a tab or a service, in place of a frame. */
export type ServiceEvent =
  /** To a service: the tab has a session. It had none, and may come back. It is gone for good. */
  | 'here' | 'lost' | 'gone'
  /** To a tab: there is no service of this name. Its connection has ended, for a reason. */
  | 'no service' | 'closed';

/** A frame of `sharedb-tabs/remote` on its way between a tab and a service in the host. The host does not look into it. */
export interface ServiceFrame {
  /** In a session of a tab, the service's name; in a session of a service, the tab's id. */
  peer: string;
  /** Numbers the connections between the two; 0 is all of them. */
  channel: number;
  frame?: unknown;
  event?: ServiceEvent;
  reason?: string;
  /** With 'here': whether objects can be moved to the tab. */
  canTransfer?: boolean;
  /** What is to be moved with the frame where it goes on. Only on channels within one thread. */
  transfer?: Transferable[];
}

/** Why a tab ends its session: it is closed for good, or in the back/forward cache, and may come back. */
export const CLOSED = 'closed';
export const SUSPENDED = 'suspended';

/** One side ends the session. After a host's end, the tab greets again. */
export interface End {
  type: 'end';
  session: SessionId;
  from: Side;
  reason: string;
  /** As in {@link Batch}. */
  time?: number;
}

/** The tab has got its Web Lock since it greeted: the host waits for it from now on. */
export interface Locked {
  type: 'locked';
  session: SessionId;
  from: 'tab';
}

export type TabChannelMessage = Welcome | Refusal | Absent | Batch | End | Locked;

/**
 * A generation is the time when its host began, in ms, or little more. One that is not before the year 2248 is of no host, and
 * would leave no room for later ones.
 */
const isGeneration = (value: unknown): boolean => isCount(value) && (value as number) < 2 ** 43;

export const isPlace = (value: unknown): value is Place => value === 'shared-worker' || value === 'elected-tab' || value === 'direct';

const isOfSession = (data: Record<string, unknown>): boolean =>
  isText(data['session']) && (data['from'] === 'tab' || data['from'] === 'host');

/** What a channel delivered, if it has the form of a greeting message. */
export function parseGreetingMessage(data: unknown): GreetingMessage | undefined {
  if (!isObject(data) || !isCount(data['protocol'])) return undefined;
  if (data['type'] === 'hello') {
    const ok = isText(data['tabId']) && data['tabId'] !== '' && isCount(data['attempt']) && isGeneration(data['generation']);
    return ok && typeof data['locked'] === 'boolean' && isText(data['session']) ? (data as unknown as Hello) : undefined;
  }
  if (data['type'] === 'here') {
    return isText(data['epoch']) && isGeneration(data['generation']) ? (data as unknown as HostHere) : undefined;
  }
  if (data['type'] === 'candidate') return isText(data['build']) ? (data as unknown as TakeoverRequest) : undefined;
  return undefined;
}

/** What a channel or a port delivered, if it has the form of a message between one tab and its host. */
export function parseTabChannelMessage(data: unknown): TabChannelMessage | undefined {
  if (!isObject(data)) return undefined;
  switch (data['type']) {
    case 'welcome':
      return isCount(data['attempt']) && isText(data['epoch']) && isText(data['lineage']) && isText(data['session']) &&
        isGeneration(data['generation']) && isPlace(data['place'])
        ? (data as unknown as Welcome) : undefined;
    case 'refusal':
      return isCount(data['attempt']) && isCount(data['protocol']) ? (data as unknown as Refusal) : undefined;
    case 'absent':
      return isCount(data['attempt']) ? (data as unknown as Absent) : undefined;
    case 'batch':
      return isOfSession(data) && isCount(data['n']) && isCount(data['ack']) &&
        Array.isArray(data['messages']) && data['messages'].every(isText) &&
        Array.isArray(data['frames'] ?? [])
        ? (data as unknown as Batch) : undefined;
    case 'end':
      return isOfSession(data) && isText(data['reason']) ? (data as unknown as End) : undefined;
    case 'locked':
      return isOfSession(data) && data['from'] === 'tab' ? (data as unknown as Locked) : undefined;
    default:
      return undefined;
  }
}
