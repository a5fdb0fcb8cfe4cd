import type {UndoMark} from '../protocol/undo.js';
import {Connection, Doc, types} from 'sharedb/lib/client/index.js';
import LocalDocPresence from 'sharedb/lib/client/presence/local-doc-presence.js';
import RemoteDocPresence from 'sharedb/lib/client/presence/remote-doc-presence.js';
import type {ConnectionEvents, DocEvents, TypedEvents} from './events.js';
import type {
  Connection as PublicConnection
} from 'sharedb/lib/client/index.js';
import type {
  LocalPresence, Presence, Query, Snapshot, Type
} from 'sharedb/lib/sharedb.js';

/**
 * Upstream's client classes, with the undocumented members that the tab's classes rely on, and the reasons. `test/node/upstream.test.ts`
 * checks that the supported versions of sharedb have all of them.
 */

export {types};

/**
 * Called without an error on success. The type is `any`, because `@types/sharedb` always promises an error: code written for it still
 * compiles.
 */
export type Callback = (error?: any) => void;

/** Called with a document as it was. */
export type SnapshotCallback = (error: any, snapshot: Snapshot) => void;

export interface PendingOp {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: boolean;
  src?: string;
  seq?: number;
  source?: unknown;
  /** The OT type of the document when the op was made. */
  type?: {uri?: string; name?: string} | null;
  /** When the op was sent. Nothing is composed into the op after that. */
  sentAt?: number;
  callbacks: (Callback | undefined)[];
  /** This library's own member: what the op means for the undo stack that tabs share. */
  undo?: UndoMark | undefined;
  /** This library's own member: what the op was before the content was replaced by that of another database. */
  was?: unknown;
}

export interface Socket {
  readyState: number;
  onopen: (() => void) | null;
  onclose: ((reason?: unknown) => void) | null;
  onerror: ((error?: unknown) => void) | null;
  onmessage: ((event: {data: unknown}) => void) | null;
  send(data: string): void;
  close(): void;
}

/** A document's state from elsewhere, as `toSnapshot` and ShareDB's server give it. */
export interface IngestibleSnapshot {
  /** The server's version; null if unknown. */
  v: number | null;
  /** The name or URI of the OT type; null if the document does not exist. */
  type?: string | null;
  /** The document's data. */
  data?: unknown;
}

/** ShareDB's `Doc`, generic over its data. */
export interface UpstreamDoc<Data> extends TypedEvents<DocEvents<Data>> {
  /** The collection's name. */
  readonly collection: string;
  /** The document's id in its collection. */
  readonly id: string;
  /** The document's data. ShareDB changes them in place; change them only with `submitOp`. Undefined if the document does not exist. */
  data: Data;
  /** The server's version that the document shows with acknowledged ops; null while nothing is loaded. */
  version: number | null;
  /** The OT type; null if the document does not exist. */
  type: Type | null;
  /** Whether the host sends the ops of others. */
  subscribed: boolean;
  /** @internal Whether the app wants to follow the document. */
  wantSubscribe: boolean;
  /** Sends each op separately. By default, ShareDB composes waiting ops. Default false. */
  preventCompose: boolean;
  /** Sends the option `source` of ops also to the server. Default false. */
  submitSource: boolean;
  /** Whether ops are held back: see `pause`. */
  paused: boolean;
  /** Gets the current state. */
  fetch(callback?: Callback): void;
  /** Subscribes to the document. */
  subscribe(callback?: Callback): void;
  /** Ends the subscription. `data` keeps its present value. */
  unsubscribe(callback?: Callback): void;
  /** Destroys this object once nothing is pending. The subscription ends, and the next `get` of the connection creates a new object. */
  destroy(callback?: Callback): void;
  /** Creates the document. */
  create(data: Data, callback?: Callback): void;
  /** Creates the document. `type` is the name or URI of a registered OT type. Default json0. */
  create(data: Data, type?: string | null, callback?: Callback): void;
  /** Creates the document. `type` is the name or URI of a registered OT type. Default json0. Listeners get `options.source`. */
  create(data: Data, type?: string | null, options?: {source?: unknown} | null, callback?: Callback): void;
  /** Changes the document. */
  submitOp(op: unknown, callback?: Callback): void;
  /** Changes the document. Listeners get `options.source`. */
  submitOp(op: unknown, options?: {source?: unknown} | null, callback?: Callback): void;
  /** Deletes the document. */
  del(callback?: Callback): void;
  /** Deletes the document. Listeners get `options.source`. */
  del(options?: {source?: unknown} | null, callback?: Callback): void;
  /** Sets a state from elsewhere, for example from the page's HTML, unless the document has a state. */
  ingestSnapshot(snapshot: IngestibleSnapshot | null | undefined, callback?: Callback): void;
  /** A copy of the document's state, for `ingestSnapshot` elsewhere. */
  toSnapshot(): {
    /** The server's version. */
    v: number;
    /** The URI of the OT type. */
    type: string;
    /** A copy of the data. */
    data: Data;
  };
  /** Calls back when no op and no request is open. */
  whenNothingPending(callback: () => void): void;
  /** Whether an op or a request is open. */
  hasPending(): boolean;
  /** Whether the server has not acknowledged an op yet. */
  hasWritePending(): boolean;
  /** Holds back ops until `resume`. They are applied in this tab. */
  pause(): void;
  /** Sends the ops that `pause` has held back. */
  resume(): void;
  /** Sends waiting ops. Apps do not need it. */
  flush(): void;
  /** @internal The op that was sent to the host and is not placed yet. Remote ops are transformed over it and over `pendingOps`. */
  inflightOp: PendingOp | null;
  /** @internal */
  pendingOps: PendingOp[];
  /** @internal Requests in flight. They are sent again to the next host. */
  inflightFetch: unknown[];
  /** @internal */
  inflightSubscribe: {wantSubscribe: boolean} | null;
  /** @internal */
  pendingSubscribe: {wantSubscribe: boolean}[];
  /** @internal */
  pendingFetch: unknown[];
  /** @internal */
  _wantsDestroy: boolean;
  /** @internal */
  _isInHardRollback: boolean;
  /** @internal Applies a remote op and transforms the pending ops, as upstream does. */
  _handleOp(error: Error | null, message: object): void;
  /** @internal */
  _flushSubscribe(): void;
  /** @internal */
  _handleSubscribe(error?: Error | null, data?: unknown): void;
  /** @internal */
  _handleFetch(error?: Error | null, data?: unknown): void;
  /** @internal Applies an op and emits its events. If `_submit` calls it, `source` is truthy, and `_submit` only flushes afterwards. */
  _otApply(op: object, source: unknown): void;
  /** @internal Queues an op with the type for its transformation, or composes it into the last op. */
  _pushOp(op: PendingOp, source: unknown, callback: Callback | undefined): void;
  /** @internal Applies an op of the app and sends it. */
  _submit(op: unknown, source: unknown, callback: Callback | undefined): void;
  /** @internal Composes the op into a pending op if possible, and returns that pending op. */
  _tryCompose(op: PendingOp): PendingOp | undefined;
  /** @internal Composes the ops that were submitted while an op was applied component by component. */
  _popApplyStack(to: number): void;
  /** @internal The op in flight is done, or has an error for its callbacks. */
  _clearInflightOp(error?: Error | null): void;
  /** @internal Discards a state that can't be kept: types that do not fit, or a create that was refused. */
  _hardRollback(error: Error): void;
  /** @internal */
  _fetch(options: {force?: boolean}, callback?: Callback): void;
  /** @internal */
  _setType(type: string | null): void;
  /** @internal */
  _setData(data: unknown): void;
  /** @internal */
  _resubscribe(): void;
  /** @internal */
  _emitNothingPending(): void;
  /** @internal */
  _onConnectionStateChanged(): void;
}

/** The parts of ShareDB's `Query` that this library relies on. */
export interface UpstreamQuery extends Query {
  /** @internal Sends the query again after the server was unreachable. */
  send(): void;
}

export interface UpstreamLocalPresence extends LocalPresence {
  /** @internal The callbacks that wait for answers. */
  _callbacksByPresenceVersion: Record<number, unknown>;
  /** @internal */
  _ack(error: Error | null, presenceVersion: number): void;
}

export interface UpstreamPresence extends Omit<Presence, 'emit'> {
  /** @internal The app has called `destroy`, and has not cancelled it. */
  _wantsDestroy: boolean;
  /** @internal */
  _onConnectionStateChanged(): void;
  /** @internal Calls the subscribers' callbacks, or emits an error if there is no callback. */
  _callEachOrEmit(callbacks: readonly (Callback | undefined)[], error?: Error | null): void;
  /** @internal */
  _createLocalPresence(id: string): UpstreamLocalPresence;
  /** @internal Handles an answer, or a value of another presence. */
  _receiveUpdate(error: Error | null, message: {id: string; pv: number}): void;
  /** @internal */
  _createRemotePresence(id: string): unknown;
  emit(event: string, ...args: unknown[]): boolean;
  /** @internal */
  _updateRemotePresence(presence: unknown): void;
}

/** ShareDB's `Connection`. */
export interface UpstreamConnection<Events extends object = ConnectionEvents> extends
  TypedEvents<Events>,
  Omit<PublicConnection, keyof TypedEvents<Events> | 'get' | 'getDocPresence' | 'canSend' | 'send' | 'state' | 'ping' | 'close' | 'queries' |
    'createFetchQuery' | 'createSubscribeQuery' | 'fetchSnapshot' | 'fetchSnapshotByTimestamp' | 'whenNothingPending' | 'getPresence' |
    'agent' | 'collections' | 'id' | 'seq' | 'nextQueryId' | 'nextSnapshotRequestId' | 'hasPending'> {
  /**
   * The state of the host's connection to the server: 'connecting', 'connected', 'disconnected', 'closed' or 'stopped'. An event of each
   * name, and the event `state`, announce it.
   */
  state: string;
  /** Whether messages reach the host. */
  canSend: boolean;
  /** ShareDB's own log of messages in the console. */
  debug: boolean;
  /** The document of this name: the same object at each call, until it is destroyed. */
  get(collection: string, id: string): UpstreamDoc<any>;
  /** The document of this name, if there is one in this tab. */
  getExisting(collection: string, id: string): UpstreamDoc<any> | undefined;
  /** The presences in a document. The document's ops transform their values. */
  getDocPresence(collection: string, id: string): Presence;
  /** The presences of a channel. */
  getPresence(channel: string): Presence;
  /** Runs a query on the server's database once. */
  createFetchQuery(collection: string, query: unknown, options?: any, callback?: (...args: any[]) => void): any;
  /** Runs a query on the server's database and follows its results. */
  createSubscribeQuery(collection: string, query: unknown, options?: any, callback?: (...args: any[]) => void): any;
  /** Gets a document as it was at a version. */
  fetchSnapshot(collection: string, id: string, callback: SnapshotCallback): void;
  fetchSnapshot(collection: string, id: string, version: number | null, callback: SnapshotCallback): void;
  /** Gets a document as it was at a time. */
  fetchSnapshotByTimestamp(collection: string, id: string, callback: SnapshotCallback): void;
  fetchSnapshotByTimestamp(collection: string, id: string, timestamp: number | null, callback: SnapshotCallback): void;
  /** Calls back when no op and no request is open. */
  whenNothingPending(callback: () => void): void;
  /** Whether the server has not acknowledged an op of this tab yet. */
  hasWritePending(): boolean;
  /** Collects requests until `endBulk`, which sends them in one message. */
  startBulk(): void;
  /** See `startBulk`. */
  endBulk(): void;
  /** Sends a message of ShareDB's protocol to the host. Apps do not need it. */
  send(message: object): void;
  /** Asks the server for an answer; event `pong`. */
  ping(): void;
  /** Closes this tab's connection. */
  close(): void;
  /** The queries of this tab, by id. */
  queries: Record<string, UpstreamQuery>;
  /** @internal The requests between `startBulk` and `endBulk`. */
  bulk: object | null | undefined;
  /** @internal */
  sendFetch(doc: UpstreamDoc<unknown>): boolean | undefined;
  /** @internal */
  sendSubscribe(doc: UpstreamDoc<unknown>): boolean | undefined;
  /** @internal Handles a message as if it came from the host. */
  handleMessage(message: object): void;
  /** ShareDB's types have it: the server's agent of a connection in the server's process. Null here. */
  agent: PublicConnection['agent'];
  /** The documents of this tab, by collection and id. */
  collections: PublicConnection['collections'];
  /** This tab's id. Other tabs of the same host see it as the `src` of this tab's ops. */
  id: string | null;
  /** The number of the next op of this tab. ShareDB's types have it; apps do not need it. */
  seq: number;
  /** The id of the next query. ShareDB's types have it; apps do not need it. */
  nextQueryId: number;
  /** The id of the next request for a snapshot. ShareDB's types have it; apps do not need it. */
  nextSnapshotRequestId: number;
  /** Whether an op or a request is open. */
  hasPending(): boolean;
  /** @internal The socket that replaces the WebSocket. It receives the host's messages of ShareDB's protocol. */
  socket: Socket;
  /** @internal */
  _presences: Record<string, UpstreamPresence>;
  /** @internal */
  _snapshotRequests: Record<string, UpstreamQuery>;
  /** @internal A request contains the tab's position in the host's history instead of the version. */
  _sendActions(action: string, doc: UpstreamDoc<unknown>, version?: unknown): boolean | undefined;
  /** @internal */
  sendOp(doc: UpstreamDoc<unknown>, op: PendingOp): void;
  /** @internal */
  _addDoc(doc: UpstreamDoc<unknown>): void;
  /** @internal */
  _destroyDoc(doc: UpstreamDoc<unknown>): void;
  /** @internal Answers for many documents. */
  _handleBulkMessage(error: Error | null, message: object, method: '_handleFetch' | '_handleSubscribe'): void;
  /** @internal Mirrors the host's state. It does not decide whether ops can be sent. */
  _setState(state: string, reason?: unknown): void;
  /** @internal */
  _reset(): void;
}

export const BaseConnection = Connection as unknown as
  new <Events extends object = ConnectionEvents>(socket: Socket) => UpstreamConnection<Events>;
export const BaseDoc = Doc as unknown as
  new <Data>(connection: UpstreamConnection<any>, collection: string, id: string) => UpstreamDoc<Data>;

export interface UpstreamLocalDocPresence extends UpstreamLocalPresence {
  /** @internal */
  _doc: UpstreamDoc<unknown>;
  /** @internal */
  _isSending: boolean;
  /** @internal */
  _pendingMessages: {p: unknown; pv: number; v: number | null; t: string | null}[];
  /** @internal */
  _docDataVersionByPresenceVersion: Record<number, number>;
  /** @internal Waits until the host has all ops. Upstream waits for the server. */
  _sendPending(): void;
}

export interface UpstreamRemoteDocPresence {
  src: string | null;
  value: unknown;
  presenceVersion: number | null;
  presence: UpstreamPresence;
  /** @internal */
  _doc: UpstreamDoc<unknown>;
  /** @internal */
  _pending: unknown;
  receiveUpdate(message: object): void;
  destroy(callback?: (error?: unknown) => void): void;
  /** @internal Discards its data. */
  _handleLoad(): void;
  /** @internal Checks the presence that could not be shown yet again, whenever the document changes. */
  _setPendingPresence(): void;
}

export const BaseLocalDocPresence = LocalDocPresence as new (presence: unknown, id: string) => UpstreamLocalDocPresence;
export const BaseRemoteDocPresence = RemoteDocPresence as new (presence: unknown, id: string) => UpstreamRemoteDocPresence;

export type {Snapshot, Type, Query, Presence, LocalPresence};
