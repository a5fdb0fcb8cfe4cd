import type {ProxyDoc} from './doc/proxy-doc.js';
import type {QueryEvents, TypedEvents} from './events.js';
import type {Query} from './upstream.js';

/** A query of this connection: ShareDB's, with the connection's own documents as its results. */
export interface ProxyQuery<Data = any> extends
  TypedEvents<QueryEvents<ProxyDoc<Data>>>,
  Omit<Query<Data>, 'results' | 'connection' | 'id' | 'action' | 'collection' | 'query' | 'ready' | 'sent' | 'extra' | 'destroy' | keyof TypedEvents<object>> {
  /** The documents that the query found, in order. */
  results: ProxyDoc<Data>[];
  /** The results are not the server's answer: they are worked out without it, or are its last ones. Event `local`. */
  isLocal: boolean;
  /** Calls the listener each time that the event is emitted. */
  on<E extends keyof QueryEvents<ProxyDoc<Data>>>(event: E, listener: QueryEvents<ProxyDoc<Data>>[E]): this;
  on(event: 'local', listener: (isLocal: boolean) => void): this;
  /** Removes a listener. */
  off<E extends keyof QueryEvents<ProxyDoc<Data>>>(event: E, listener: QueryEvents<ProxyDoc<Data>>[E]): this;
  off(event: 'local', listener: (isLocal: boolean) => void): this;
  /** The connection that it belongs to. */
  connection: Query['connection'];
  /** The query's id. */
  id: string;
  /** `'qs'` where it follows the results, else `'qf'`. */
  action: 'qf' | 'qs';
  /** The collection that is asked. */
  collection: string;
  /** What was asked. */
  query: any;
  /** Whether the first answer is here. */
  ready: boolean;
  /** Whether the host was asked. */
  sent: boolean;
  /** What the server's database gives beside the results, such as a count. */
  extra: any;
  /** Does not follow the results any more. */
  destroy(callback?: (error?: any) => void): void;
  /** Resolves with the results when they are there for the first time; rejects with the query's error. */
  whenReady(): Promise<ProxyDoc<Data>[]>;
}

/** The options of a query. */
export interface QueryOptions {
  /** The documents that an earlier query of this kind gave: the server sends what has changed. */
  results?: readonly object[] | undefined;
  /** Which of the server's databases is asked. */
  db?: string | undefined;
  /** The rest goes to the server's database adapter. */
  [option: string]: unknown;
}
/** Called with the first results of a query. */
export type QueryCallback<Data = any> = (error: any, results: ProxyDoc<Data>[], extra?: any) => void;
