import type {FaultState} from './faults.js';
import type {Place} from './frames.js';
import type {HostStatus} from './host-status.js';

/** The state of a host, for a bug report. It contains no document data unless they were requested. */
export interface HostReport extends HostStatus {
  /** The namespace that the host serves. */
  namespace: string;
  /** The host's id. Each host has another one. */
  epoch: string;
  /** Later hosts have higher generations. */
  generation: number;
  /** Hosts of one lineage share their document histories. */
  lineage: string;
  /** Where the host runs. */
  place: Place;
  /** The app's name for the host's build; empty if the app gives none. */
  build: string;
  /** The version of the protocol between tabs and hosts. */
  protocol: number;
  /** How long the host has been running, in ms. */
  uptime: number;
  /** The state of the connection to the server. */
  state: string;
  /** The state of the host's WebSocket. Missing if the app's own connection does not reveal it. */
  socket?: SocketState;
  /** The number of documents that the host holds on behalf of its tabs. */
  docs: number;
  /** The number of queries that the host holds on behalf of its tabs. */
  queries: number;
  /** The number of presences that the host holds on behalf of its tabs. */
  presences: number;
  /** The number of presence channels that its tabs use. */
  channels: number;
  /** The tabs that the host knows. */
  tabList: TabEntry[];
  /** At most 100 documents, those with the most pending ops first. */
  docList: DocReport[];
  /** At most 100 of the subscribed queries. */
  queryList: QueryReport[];
  /** At most 100 of the presence channels. */
  presenceList: ChannelReport[];
  /** The data of the document that the request names, if the host has it open. */
  docData?: DocDataReport;
  /** The last 20 warnings and errors of the host, oldest first. */
  lastErrors: {
    /** In ms since the epoch. */
    time: number;
    /** The message, with its code if it has one. */
    text: string;
  }[];
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
  /** Reports the data of this document, if the host has it open. Default: no document. */
  doc?: {
    /** The document's collection. */
    collection: string;
    /** The document's id. */
    id: string;
  } | undefined;
}

/** A tab, as the host reports it. Fields that only the tab knows are present if they were requested and the tab has answered. */
export interface TabEntry {
  /** The tab's id, which is the `src` of its ops. */
  id: string;
  /** Whether it has a session with the host. */
  isThere: boolean;
  /** The tab is read-only: see `joinNamespace`. */
  isObserver?: boolean;
  /** The number of batches that the host has sent to the tab in this session. */
  sentBatches: number;
  /** The number of those batches that the tab has acknowledged. */
  acknowledgedBatches: number;
  /** How the tab reaches its host. */
  mode?: Place;
  /** The app's name for the tab's build, if it gives one. */
  build?: string;
  /** Whether the user sees the page. */
  isVisible?: boolean;
  /** How long the tab took to answer, in ms. If it has not answered: the time since the request. */
  lag?: number;
  /** The tab has not answered. It may be frozen, or busy. */
  isSilent?: boolean;
}

/** A subscribed query, as the host reports it. All tabs that ask the same share it. */
export interface QueryReport {
  /** The collection that the query searches. */
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
  /** The channel's name. */
  channel: string;
  /** The ids of the tabs that are subscribed to the channel. */
  followers: string[];
  /** The presences in the channel, each with its tab; `tab` is missing for other clients of the server. */
  presences: {
    /** The presence id. */
    id: string;
    /** The id of the tab that shows it. */
    tab?: string;
    /** For the presence in a document: the document's collection. */
    collection?: string;
    /** For the presence in a document: the document's id. */
    doc?: string;
  }[];
}

/** One document, as the host reports it. */
export interface DocReport {
  /** The document's collection. */
  collection: string;
  /** The document's id in its collection. */
  id: string;
  /** The name of the OT type; null if the document does not exist or is not loaded. */
  type: string | null;
  /** The server's version; null while nothing is loaded. */
  version: number | null;
  /** The host's number for the state of the document. It rises with each entry of the history. */
  revision: number;
  /** The number of entries of the history that the host keeps. */
  history: number;
  /** The number of ops that the server has not acknowledged. */
  pendingOps: number;
  /** The number of tabs that follow the document. */
  followers: number;
  /** Whether the host is subscribed to the document at the server. */
  subscribed: boolean;
}

/** The data of a document in the host, with the edits that wait for the server. */
export interface DocDataReport {
  /** The document's collection. */
  collection: string;
  /** The document's id in its collection. */
  id: string;
  /** The server's version; null while nothing is loaded. */
  version: number | null;
  /** The host's number for the state of the document. */
  revision: number;
  /** As JSON; the first 100,000 characters. Missing if the document does not exist. */
  json?: string;
  /** The length of the whole JSON, in characters. */
  length: number;
}

/** The state of a tab. */
export interface TabReport {
  /** The tab's id, which is the `src` of its ops. */
  id: string;
  /** How the tab reaches its host; undefined until that is decided. */
  mode?: Place | undefined;
  /** The app's name for its build, if it gives one. */
  build?: string | undefined;
  /** Whether the user sees the page. */
  isVisible: boolean;
  /** The state of the session with the host: see `connection.hostState`. */
  hostState: string;
  /** The state of the host's connection to the server: see `connection.state`. */
  state: string;
  /** The number of documents that the tab has open. */
  docs: number;
  /** The number of queries that the tab has open. */
  queries: number;
  /** The documents with ops that the server has not acknowledged. */
  pending: {
    /** The document's collection. */
    collection: string;
    /** The document's id. */
    id: string;
    /** The number of ops that the host has not placed in its history. */
    unsent: number;
    /** The number of ops that the host has placed and the server has not acknowledged. */
    unsettled: number;
  }[];
  /** The message of the last error that the host's connection reported. */
  lastError?: string | undefined;
}

/** If the host did not answer, the report has only the tab's part and `error`. */
export type Report = {
  /** The state of this tab. */
  tab: TabReport;
} & (HostReport | {
  /** Why there is no report of the host. */
  error: string;
});
