import type {HostState} from '../broker/session-client.js';
import type {Place} from '../protocol/frames.js';
import type {HostStatus} from '../protocol/host-status.js';
import type {DeadLetter} from '../protocol/messages.js';
import type {SaveState} from './doc/save-states.js';

/** The methods of an emitter with known events and arguments. */
export interface TypedEvents<Events extends object> {
  /** Calls the listener each time that the event is emitted. */
  on<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** Calls the listener the next time that the event is emitted. */
  once<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** Removes a listener. */
  off<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** As `on`. */
  addListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** As `off`. */
  removeListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** As `on`, but the listener is called before the present ones. */
  prependListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** As `once`, but the listener is called before the present ones. */
  prependOnceListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** Removes all listeners of an event, or of all events. This includes the listeners of bindings on the same object. */
  removeAllListeners(event?: keyof Events): this;
  /** Calls the listeners of an event. ShareDB calls this; apps do not need it. */
  emit(event: keyof Events, ...args: unknown[]): boolean;
  /**
   * The events that have listeners. The type is `any`, so that objects with more events still fit where ShareDB's own class is expected.
   */
  eventNames(): any[];
  /** The listeners of an event. */
  listeners(event: keyof Events): any[];
  /** The listeners of an event, with the wrappers of `once`. */
  rawListeners(event: keyof Events): any[];
  /** How many listeners an event has. */
  listenerCount(event: keyof Events): number;
  /** Sets how many listeners an event may have before a warning about a leak. */
  setMaxListeners(count: number): this;
  /** See `setMaxListeners`. */
  getMaxListeners(): number;
}

/** An error with the code that ShareDB, the server's middleware or this library gave it. */
export type CodedError = Error & {code?: any};

/** The events of a document, with ShareDB's names. `source` is false for changes by others. */
export interface DocEvents<Data> {
  /** The document got its state from a fetch, a subscription or a rollback. */
  'load': () => void;
  /** The document was created. */
  'create': (source: any) => void;
  /** An op, or a component of one, is about to be applied. */
  'before op': (op: any, source: any, clientId: string) => void;
  /** An op, or a component of one, was applied; `data` shows it. */
  'op': (op: any, source: any, clientId: string) => void;
  /** A whole op is about to be applied. */
  'before op batch': (op: any, source: any) => void;
  /** A whole op was applied. */
  'op batch': (op: any, source: any) => void;
  /** The document was deleted. `data` is its last data. */
  'del': (data: Data, source: any) => void;
  /** An error of a call without a callback or promise. */
  'error': (error: any) => void;
  /** The server has acknowledged every op of this tab. */
  'no write pending': () => void;
  /** No op and no request is open. */
  'nothing pending': () => void;
  /** The document's save state has changed: see `doc.saveState`. */
  'saveState': (state: SaveState) => void;
  /** The document was destroyed. */
  'destroy': () => void;
}

/** The states of the host's connection to the server, by name. `reason` has the code and reason with which the WebSocket closed. */
interface StateEvents {
  /** A connection is being opened. */
  connecting: (reason: any) => void;
  /** The server has answered the handshake. */
  connected: (reason: any) => void;
  /** The connection is lost. The host opens it again. */
  disconnected: (reason: any) => void;
  /** The connection was closed on this side, and stays closed. */
  closed: (reason: any) => void;
  /** The server has closed the connection for good. */
  stopped: (reason: any) => void;
}

/** The events of ShareDB's connection. */
export interface ConnectionEvents extends StateEvents {
  /** The state of the host's connection to the server has changed. */
  'state': (state: any, reason: any) => void;
  /** A document object was created. */
  'doc': (doc: any) => void;
  /** An error of a call without a callback or promise. */
  'error': (error: any) => void;
  /** The WebSocket to the server could not be opened, or failed. The host tries again. */
  'connection error': (error: any) => void;
  /** A message from the host is about to be handled. */
  'receive': (request: {data: any}) => void;
  /** A message to the host is about to be sent. */
  'send': (message: any) => void;
  /** The server has answered a ping. */
  'pong': () => void;
}

/** The value of `connection.status`: the host's view of all tabs of the namespace. */
export interface Status extends HostStatus {
  /** The last error of the host's connection. */
  lastError: (Error & {
    /** The code of ShareDB, the server's middleware or this library, if the error has one. */
    code?: string | number;
  }) | undefined;
}

/** The events of this connection in addition to ShareDB's. */
export interface ProxyConnectionEvents extends ConnectionEvents {
  /** The state of the session with the host has changed: see `connection.hostState`. */
  hostState: (state: HostState) => void;
  /** The host's view of all tabs has changed. */
  status: (status: Status) => void;
  /** The host uses another protocol version than this tab. The app should reload the page. */
  updateneeded: (hostProtocol: number) => void;
  /** The worst save state of all documents has changed: see `connection.saveState`. */
  saveState: (state: SaveState) => void;
  /** The server rejected an op for good. It is kept in `deadLetters`. */
  deadletter: (letter: DeadLetter) => void;
  /** For collections. @internal */
  shared: (message: {a: string}) => void;
  /** The mode in which this tab reaches the server, and the reason for it. Only connections of `createConnection` emit this. */
  mode: (mode: Place, reason: string) => void;
}

/** The events of a query. */
export interface QueryEvents<ResultDoc> {
  /** The first results are here. */
  ready: () => void;
  /** An error of a call without a callback or promise. */
  error: (error: any) => void;
  /** Documents were added to the results. */
  insert: (inserted: ResultDoc[], index: number) => void;
  /** Documents were removed from the results. */
  remove: (removed: ResultDoc[], index: number) => void;
  /** Documents were moved within the results. */
  move: (moved: ResultDoc[], from: number, to: number) => void;
  /** The results have changed in any way. */
  changed: (results: ResultDoc[]) => void;
  /** The additional results of the server's database have changed. */
  extra: (extra: any) => void;
}

/** The events of a presence about the presences of others. */
export interface PresenceEvents<Value> {
  /** Another client's value has arrived; `null` if the client has removed it or has left. */
  receive: (id: string, value: Value) => void;
  /** An error of a call without a callback or promise. */
  error: (error: any) => void;
}

/** The events of a presence of this tab. */
export interface LocalPresenceEvents {
  /** An error of a call without a callback or promise. */
  error: (error: any) => void;
}
