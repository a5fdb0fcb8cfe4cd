import type {ProxyDoc} from './doc/proxy-doc.js';
import type {QueryEvents, TypedEvents} from './events.js';
import type {Query} from './upstream.js';

/** A query of this connection: ShareDB's query with this connection's documents as its results. */
export interface ProxyQuery<Data = any> extends
  TypedEvents<QueryEvents<ProxyDoc<Data>>>,
  Omit<Query<Data>, 'results' | 'connection' | 'id' | 'action' | 'collection' | 'query' | 'ready' | 'sent' | 'extra' | 'destroy' | keyof TypedEvents<object>> {
  /** The documents that the query found, in order. */
  results: ProxyDoc<Data>[];
  /**
   * Whether the results are not the server's current answer, but computed in the browser or the server's last results. Event `local`.
   */
  isLocal: boolean;
  /** Calls the listener each time that the event is emitted. */
  on<E extends keyof QueryEvents<ProxyDoc<Data>>>(event: E, listener: QueryEvents<ProxyDoc<Data>>[E]): this;
  on(event: 'local', listener: (isLocal: boolean) => void): this;
  /** Removes a listener. */
  off<E extends keyof QueryEvents<ProxyDoc<Data>>>(event: E, listener: QueryEvents<ProxyDoc<Data>>[E]): this;
  off(event: 'local', listener: (isLocal: boolean) => void): this;
  /** The connection that the query belongs to. */
  connection: Query['connection'];
  /** The query's id. */
  id: string;
  /** `'qs'` if the query subscribes to its results, otherwise `'qf'`. */
  action: 'qf' | 'qs';
  /** The collection that the query searches. */
  collection: string;
  /** The query itself. */
  query: any;
  /** Whether the first answer has arrived. */
  ready: boolean;
  /** Whether the query was sent to the host. */
  sent: boolean;
  /** Additional results of the server's database, such as a count. */
  extra: any;
  /** Ends the subscription to the results. */
  destroy(callback?: (error?: any) => void): void;
  /** Resolves with the first results; rejects with the query's error. */
  whenReady(): Promise<ProxyDoc<Data>[]>;
}

/** The options of a query. */
export interface QueryOptions {
  /** The results of an earlier query of this kind. The server sends only what has changed. */
  results?: readonly object[] | undefined;
  /** The name of the server's database to query. */
  db?: string | undefined;
  /** Other options go to the server's database adapter. */
  [option: string]: unknown;
}
/** Called with the first results of a query. */
export type QueryCallback<Data = any> = (error: any, results: ProxyDoc<Data>[], extra?: any) => void;
