import type {FaultState} from './faults.js';
import type {Place} from './frames.js';
import type {HostStatus} from './messages.js';

/** The state of a host, for a bug report. It contains no document data unless they were requested. */
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
  /** The state of the host's WebSocket. Missing if the app's own connection does not reveal it. */
  socket?: SocketState;
  /** How many documents, queries and presences the host holds on behalf of its tabs. */
  docs: number;
  queries: number;
  presences: number;
  tabList: TabEntry[];
  /** The first documents. Documents with pending ops come before the others. */
  docList: DocReport[];
  /** The first subscribed queries, and the first channels with presences. */
  queryList: QueryReport[];
  presenceList: ChannelReport[];
  /** The data of the document that the request names. */
  docData?: DocDataReport;
  lastErrors: {time: number; text: string}[];
  /** The faults caused in its network; false if the host does not allow faults: see `startHost({allowFaults})`. */
  faults: FaultState | false;
}

/** A WebSocket's `readyState` in words. */
export type SocketState = 'connecting' | 'open' | 'closing' | 'closed';

/** The optional parts of a report. */
export interface InspectOptions {
  /** Asks every tab for its mode, build and visibility. A tab that does not answer delays the report by 250 ms. Default false. */
  tabs?: boolean | undefined;
  /** Shows the values in the conditions of queries, which may be data of the app. Default false. */
  data?: boolean | undefined;
  /** Reports the data of this document, if the host has it open. Default: of none. */
  doc?: {collection: string; id: string} | undefined;
}

/** A tab, as the host reports it. Fields that only the tab knows are present if they were requested and the tab has answered. */
export interface TabEntry {
  id: string;
  /** Whether it has a session with the host. */
  isThere: boolean;
  /** The tab is read-only: see `joinNamespace`. */
  isObserver?: boolean;
  /** The number of batches that the host has sent, and of those that the tab has handled. */
  sentBatches: number;
  acknowledgedBatches: number;
  mode?: Place;
  build?: string;
  isVisible?: boolean;
  /** How long the tab took to answer, in ms. If it has not answered: the time since the request. */
  lag?: number;
  /** The tab has not answered. It may be frozen, or busy. */
  isSilent?: boolean;
}

/** A subscribed query, as the host reports it. All tabs that ask the same share it. */
export interface QueryReport {
  collection: string;
  /** The query's conditions as JSON. The values in them are left out unless they were requested. */
  query: string;
  /** The ids of the tabs that follow the query. */
  followers: string[];
  /** The number of results; null before the first answer. */
  results: number | null;
  /** The results are not the server's answer. */
  isLocal: boolean;
}

/** A presence channel, as the host reports it. It contains no values. */
export interface ChannelReport {
  channel: string;
  /** The ids of the tabs that are subscribed to the channel. */
  followers: string[];
  /** The presences in the channel, each with its tab; `tab` is missing for other clients of the server. */
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

/** The data of a document in the host, with the edits that wait for the server. */
export interface DocDataReport {
  collection: string;
  id: string;
  version: number | null;
  revision: number;
  /** As JSON; the first 100,000 characters. Missing if the document does not exist. */
  json?: string;
  /** How many characters all of it has. */
  length: number;
}

/** The state of a tab. */
export interface TabReport {
  id: string;
  mode?: Place | undefined;
  /** The app's name for its build, if it gives one. */
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
