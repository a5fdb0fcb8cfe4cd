import {isCount, isObject, isText} from './checks.js';
import type {Beginning, Clearing} from './clearing.js';
import type {Epoch, SessionId, TabId} from './ids.js';

/**
 * A tab's greeting, sent on the greeting channel, or on a port to a host that the tab is connected to. A host that began before the clearing
 * in it has data of a former user, and ends. A host that knows a clearing after the tab's beginning takes nothing from the tab.
 */
export interface Hello extends Beginning {
  /** The kind of message. */
  type: 'hello';
  /** The version of the protocol that the tab speaks. */
  protocol: number;
  /** The tab's id. */
  tabId: TabId;
  /** Counts a tab's greetings. The tab uses it to recognise a late answer to an earlier greeting. */
  attempt: number;
  /**
   * Whether the tab holds its Web Lock. If true, the host waits for that lock. If false, the tab may get it later: see {@link
   * Locked}.
   */
  locked: boolean;
  /** The highest host generation that the tab knows of. */
  generation: number;
  /**
   * The id of the session if the greeting came on a port. Messages that the tab sends there before the welcome belong to this
   * session.
   */
  session: SessionId;
  /** A read-only page. The host refuses its changes, and does not count it as a tab. */
  isObserver?: true;
}

/** A host announces itself on the greeting channel. Tabs that have no session with it greet it. */
export interface HostHere {
  type: 'here';
  protocol: number;
  epoch: Epoch;
  /** Later hosts have higher generations. A tab that knows a higher one ignores this host. */
  generation: number;
}

/** Sent by a host that waits for the host lock. The current host closes when it receives this, if its protocol or build is older. */
export interface TakeoverRequest {
  type: 'candidate';
  protocol: number;
  /** The app's name for its build; empty if the app gives none. */
  build: string;
}

export type GreetingMessage = Hello | HostHere | TakeoverRequest;

/** The kind of context that a host runs in. */
export type Place = 'shared-worker' | 'elected-tab' | 'direct';

/**
 * Whether the host serves tabs in other contexts. These can't observe whether a message was posted in a microtask or in a tick, and
 * the host can outlive them.
 */
export const isApart = (place: Place): boolean => place !== 'direct';

/** The host's answer to a greeting, on the tab's channel or port. It begins the session. */
export interface Welcome {
  type: 'welcome';
  attempt: number;
  epoch: Epoch;
  generation: number;
  place: Place;
  /** Hosts of one lineage share their document histories: they read the same store, or they are the same host. */
  lineage: string;
  session: SessionId;
  /**
   * The last clearing of the namespace that the host knows. The tab writes it to localStorage if it is missing there, and ignores it when it reads it
   * if it does not have that form.
   */
  cleared?: Clearing | undefined;
}

/** The host's answer to a greeting of another protocol version. */
export interface Refusal {
  type: 'refusal';
  attempt: number;
  protocol: number;
}

/** The answer to a greeting on a port if there is no current host behind the port. */
export interface Absent {
  type: 'absent';
  attempt: number;
}

export type Side = 'tab' | 'host';

/**
 * Messages of one side, in order: usually those of one turn of its event loop. A turn with more than 64 Ki characters, or with service
 * frames, has several batches.
 */
export interface Batch {
  type: 'batch';
  session: SessionId;
  from: Side;
  /** When the tab sent the batch, in ms since the epoch. The tab may have repeated the content of a late batch to another host. */
  time?: number;
  /** Numbers a session's batches in one direction, from 1. A gap ends the session. */
  n: number;
  /** The number of the last batch of the other side that this side has handled. */
  ack: number;
  /**
   * The content of all batches up to this number is durable. Left out if that includes this batch. A batch after it may
   * acknowledge ops whose revisions another host does not know.
   */
  durable?: number;
  /** The host could not write to its storage when it sent this batch. Another host may have another history from here on. */
  down?: true;
  /** Each message as JSON. That is cheaper than a structured clone, and the text is made once for many tabs. */
  messages: string[];
  /**
   * Service frames, which are cloned and not JSON, and are handled after the messages. Left out if there are none. The receiver
   * checks each.
   */
  frames?: ServiceFrame[];
}

/** An event of a tab or a service, sent in place of a frame. */
export type ServiceEvent =
  /** To a service. 'here': the tab has a session. 'lost': it has none, and may return. 'gone': it will not return. */
  | 'here' | 'lost' | 'gone'
  /** To a tab. 'no service': no service has this name. 'closed': the service ended the connection; `reason` says why. */
  | 'no service' | 'closed';

/** A frame of `sharedb-tabs/remote` between a tab and a service in the host. The host does not read its content. */
export interface ServiceFrame {
  /** In a tab's session: the name of the service. In a service's session: the id of the tab. */
  peer: string;
  /** Numbers the connections between this tab and this service. 0 means all of them. */
  channel: number;
  frame?: unknown;
  event?: ServiceEvent;
  reason?: string;
  /** With 'here': whether objects can be transferred to the tab. */
  canTransfer?: boolean;
  /** The objects to transfer when the frame is posted on. Only set on channels within one thread. */
  transfer?: Transferable[];
}

/** Why a tab ends its session: its connection was closed for good, or its page is in the back/forward cache and may return. */
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

/** The tab has acquired its Web Lock since it greeted. From now on the host waits for that lock. */
export interface Locked {
  /** The kind of message. */
  type: 'locked';
  /** The tab's session. */
  session: SessionId;
  /** The side that sends it. */
  from: 'tab';
}

export type TabChannelMessage = Welcome | Refusal | Absent | Batch | End | Locked;

/**
 * A generation is the time when its host started, in ms since the epoch, or slightly above. The guard refuses values from the
 * year 2248 on: no real host has one, and it would leave no room for later hosts.
 */
export const isGeneration = (value: unknown): boolean => isCount(value) && (value as number) < 2 ** 43;

export const isPlace = (value: unknown): value is Place => value === 'shared-worker' || value === 'elected-tab' || value === 'direct';

const isOfSession = (data: Record<string, unknown>): boolean =>
  isText(data['session']) && (data['from'] === 'tab' || data['from'] === 'host');

/** The data as a host's announcement; undefined if it does not have that form. */
export function parseHostHere(data: unknown): HostHere | undefined {
  const ok = isObject(data) && data['type'] === 'here' && isCount(data['protocol']) && isText(data['epoch']) && isGeneration(data['generation']);
  return ok ? (data as unknown as HostHere) : undefined;
}

/** The data as a message between one tab and its host; undefined if it does not have that form. */
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
