import type {HostState} from '../broker/session-client.js';
import type {Place} from '../protocol/frames.js';
import type {DeadLetter, HostStatus} from '../protocol/messages.js';
import type {SaveState} from './doc/save-states.js';

/** The methods of an emitter whose events, and what they carry, are known. */
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
  /** As `on`; the listener is called before those that there are. */
  prependListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** As `once`; the listener is called before those that there are. */
  prependOnceListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  /** Removes all listeners of an event, or of all events. Bindings that listen to the same object lose theirs too. */
  removeAllListeners(event?: keyof Events): this;
  /** Calls the listeners of an event. ShareDB does this; apps have no need to. */
  emit(event: keyof Events, ...args: unknown[]): boolean;
  /** The events that have listeners. `any`, so that what emits more is still taken where ShareDB's own class is asked for. */
  eventNames(): any[];
  /** The listeners of an event. */
  listeners(event: keyof Events): any[];
  /** The listeners of an event, with the wrappers of `once`. */
  rawListeners(event: keyof Events): any[];
  /** How many listeners an event has. */
  listenerCount(event: keyof Events): number;
  /** How many listeners an event may have before a leak is suspected and warned of. */
  setMaxListeners(count: number): this;
  /** See `setMaxListeners`. */
  getMaxListeners(): number;
}

/** An error with the code that ShareDB, the server's middleware or this library gave it. */
export type CodedError = Error & {code?: any};

/** What a document emits, in ShareDB's words. `source` is false for what others did. */
export interface DocEvents<Data> {
  /** The document has got its state from elsewhere: by a fetch, a subscription or a rollback. */
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
  /** The document was deleted; `data` is what it was. */
  'del': (data: Data, source: any) => void;
  /** An error that no callback or promise waits for. */
  'error': (error: any) => void;
  /** The server has acknowledged every op of this tab. */
  'no write pending': () => void;
  /** No op and no request is open. */
  'nothing pending': () => void;
  /** Whether the edits are saved has changed: see `doc.saveState`. */
  'saveState': (state: SaveState) => void;
  /** The document was let go of. */
  'destroy': () => void;
}

/** The state of the host's connection to the server, by name. `reason` has the code and reason of the WebSocket's end. */
interface StateEvents {
  /** A connection is being opened. */
  connecting: (reason: any) => void;
  /** The server has greeted. */
  connected: (reason: any) => void;
  /** The connection is lost, and is being opened again. */
  disconnected: (reason: any) => void;
  /** The connection was closed on this side, and stays so. */
  closed: (reason: any) => void;
  /** The server has ended the connection for good. */
  stopped: (reason: any) => void;
}

/** What ShareDB's connection emits. */
export interface ConnectionEvents extends StateEvents {
  /** The state of the host's connection to the server has changed. */
  'state': (state: any, reason: any) => void;
  /** A document was made. */
  'doc': (doc: any) => void;
  /** An error that no callback or promise waits for. */
  'error': (error: any) => void;
  /** The WebSocket to the server could not be opened, or failed. It is tried again. */
  'connection error': (error: any) => void;
  /** A message of the host is about to be handled. */
  'receive': (request: {data: any}) => void;
  /** A message to the host is about to be sent. */
  'send': (message: any) => void;
  /** The server has answered to a ping. */
  'pong': () => void;
}

/** What `connection.status` shows: the host's view of all tabs of the namespace. */
export interface Status extends HostStatus {
  /** The last error of the host's connection. */
  lastError: (Error & {code?: string | number}) | undefined;
}

/** What this connection emits beside ShareDB's events. */
export interface ProxyConnectionEvents extends ConnectionEvents {
  /** Whether this tab reaches its host has changed. */
  hostState: (state: HostState) => void;
  /** What the host knows of all tabs has changed. */
  status: (status: Status) => void;
  /** The host speaks another version of the protocol than this tab: the page is to be loaded again. */
  updateneeded: (hostProtocol: number) => void;
  /** Whether all edits are saved has changed: see `connection.saveState`. */
  saveState: (state: SaveState) => void;
  /** The server rejected an op for good; it is kept in `deadLetters`. */
  deadletter: (letter: DeadLetter) => void;
  /** For collections. @internal */
  shared: (message: {a: string}) => void;
  /** How this tab reaches the server, and why in this way. Only `createConnection` tells. */
  mode: (mode: Place, reason: string) => void;
}

/** What a query emits about its results. */
export interface QueryEvents<ResultDoc> {
  /** The first results are here. */
  ready: () => void;
  /** An error that no callback or promise waits for. */
  error: (error: any) => void;
  /** Documents were added to the results. */
  insert: (inserted: ResultDoc[], index: number) => void;
  /** Documents were removed from the results. */
  remove: (removed: ResultDoc[], index: number) => void;
  /** Documents were moved within the results. */
  move: (moved: ResultDoc[], from: number, to: number) => void;
  /** The results have changed in any way. */
  changed: (results: ResultDoc[]) => void;
  /** What the server's database gives beside the results has changed. */
  extra: (extra: any) => void;
}

/** What a presence emits about the presences of others. */
export interface PresenceEvents<Value> {
  /** Somebody shows a value; `null` where somebody has gone. */
  receive: (id: string, value: Value) => void;
  /** An error that no callback or promise waits for. */
  error: (error: any) => void;
}

/** What a presence of this tab emits. */
export interface LocalPresenceEvents {
  /** An error that no callback or promise waits for. */
  error: (error: any) => void;
}
