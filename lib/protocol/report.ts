import type {FaultState} from './faults.js';
import type {Place} from './frames.js';
import type {HostStatus} from './messages.js';

/** What a host holds, for a bug report. It contains no document data. */
export interface HostReport extends HostStatus {
  namespace: string;
  epoch: string;
  generation: number;
  lineage: string;
  place: Place;
  build: string;
  protocol: number;
  /** How long the host has been running, in ms. */
  uptime: number;
  /** The state of the connection to the server. */
  state: string;
  /** The state of its WebSocket; missing where the app's own connection does not tell. */
  socket?: SocketState;
  /** How many documents, queries and presences the host holds on behalf of its tabs. */
  docs: number;
  queries: number;
  presences: number;
  tabList: TabEntry[];
  /** The first documents. Documents with pending ops come before the others. */
  docList: DocReport[];
  /** The first of the subscribed queries, and of the channels with presences. */
  queryList: QueryReport[];
  presenceList: ChannelReport[];
  lastErrors: {time: number; text: string}[];
  /** What is done to its network on purpose; false where the host takes no faults: see `startHost({allowFaults})`. */
  faults: FaultState | false;
}

/** A WebSocket's `readyState` in words. */
export type SocketState = 'connecting' | 'open' | 'closing' | 'closed';

/** What a report tells beside what every report has. */
export interface InspectOptions {
  /** Asks every tab for its mode, build and visibility. A tab that does not answer delays the report by 250 ms. Default false. */
  tabs?: boolean | undefined;
  /** Shows the values in the conditions of queries, which may be data of the app. Default false. */
  data?: boolean | undefined;
}

/** A tab, as the host reports it. What only the tab knows is there where it was asked for, and has answered. */
export interface TabEntry {
  id: string;
  /** Whether it has a session with the host. */
  isThere: boolean;
  /** It only looks: see `joinNamespace`. */
  isObserver?: boolean;
  /** The host has sent so many batches, and so many of them the tab has handled. */
  sentBatches: number;
  acknowledgedBatches: number;
  mode?: Place;
  build?: string;
  isVisible?: boolean;
  /** How long the tab took to answer, in ms. Of one that has not answered: how long that has been. */
  lag?: number;
  /** The tab has not answered. It may be frozen, or busy. */
  isSilent?: boolean;
}

/** A subscribed query, as the host reports it: one for all tabs that ask the same. */
export interface QueryReport {
  collection: string;
  /** Its conditions as JSON. The values in them are left out unless they were asked for. */
  query: string;
  /** The ids of the tabs that follow it. */
  followers: string[];
  /** How many documents are its results; null before the first answer. */
  results: number | null;
  /** The results are not the server's answer. */
  isLocal: boolean;
}

/** A presence channel, as the host reports it. Values are not in it. */
export interface ChannelReport {
  channel: string;
  /** The ids of the tabs that listen to it. */
  followers: string[];
  /** Who is shown in it, and by which tab; `tab` is missing for other clients of the server. */
  presences: {id: string; tab?: string; collection?: string; doc?: string}[];
}

/** One document, as the host reports it. */
export interface DocReport {
  collection: string;
  id: string;
  type: string | null;
  version: number | null;
  revision: number;
  /** The number of entries of the history that the host keeps. */
  history: number;
  pendingOps: number;
  followers: number;
  subscribed: boolean;
}

/** What a tab holds. */
export interface TabReport {
  id: string;
  mode?: Place | undefined;
  /** What the app calls its build, where it says so. */
  build?: string | undefined;
  /** Whether the user sees the page. */
  isVisible: boolean;
  hostState: string;
  state: string;
  docs: number;
  queries: number;
  /** The documents with ops that the server has not acknowledged. */
  pending: {collection: string; id: string; unsent: number; unsettled: number}[];
  lastError?: string | undefined;
}

/** If the host did not answer, the report has only the tab's part and `error`. */
export type Report = {tab: TabReport} & (HostReport | {error: string});
