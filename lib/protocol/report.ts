import type {Place} from './frames.js';
import type {HostStatus} from './messages.js';

/** What a host holds, for a bug ticket: no document's data is in it. */
export interface HostReport extends HostStatus {
  namespace: string;
  epoch: string;
  generation: number;
  lineage: string;
  place: Place;
  build: string;
  protocol: number;
  /** The state of the connection to the server. */
  state: string;
  /** How many documents, queries and presences the host holds on behalf of its tabs. */
  docs: number;
  queries: number;
  presences: number;
  tabList: {id: string; isThere: boolean; sentBatches: number; acknowledgedBatches: number}[];
  /** The first of them, those with pending ops before the others. */
  docList: DocReport[];
  lastErrors: {time: number; text: string}[];
}

/** A document, as the host reports it. */
export interface DocReport {
  collection: string;
  id: string;
  type: string | null;
  version: number | null;
  revision: number;
  /** How many steps of the history are kept. */
  history: number;
  pendingOps: number;
  followers: number;
  subscribed: boolean;
}

/** What a tab holds. */
export interface TabReport {
  id: string;
  mode?: Place | undefined;
  hostState: string;
  state: string;
  docs: number;
  queries: number;
  /** The documents with ops that the server has not acknowledged. */
  pending: {collection: string; id: string; unsent: number; unsettled: number}[];
  lastError?: string | undefined;
}

/** `error` where the host did not answer: then there is the tab's part alone. */
export type Report = {tab: TabReport} & (HostReport | {error: string});
