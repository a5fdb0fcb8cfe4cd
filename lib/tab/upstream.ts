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
 * Upstream's client classes with what the tab's classes lean on beyond their documentation, and why.
 * `test/node/upstream.test.ts` checks that the supported versions of sharedb have all of it.
 */

export {types};

/** Called without an error on success. `any` as `@types/sharedb` promises an error always: code written for it still fits. */
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
  /** Once it is set, nothing is composed into the op. */
  sentAt?: number;
  callbacks: (Callback | undefined)[];
  /** Ours: how it concerns the undo stack that tabs share. */
  undo?: UndoMark | undefined;
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
  v: number | null;
  type?: string | null;
  data?: unknown;
}

/** ShareDB's `Doc`, generic over its data. */
export interface UpstreamDoc<Data> extends TypedEvents<DocEvents<Data>> {
  /** The collection's name. */
  readonly collection: string;
  /** The document's id in its collection. */
  readonly id: string;
  /** The document's data. ShareDB changes them in place; change them by `submitOp` only. Undefined while there is no document. */
  data: Data;
  /** The server's version that the document shows with acknowledged ops; null while nothing is loaded. */
  version: number | null;
  /** The OT type; null while there is no document. */
  type: Type | null;
  /** Whether the host tells of the ops of others. */
  subscribed: boolean;
  /** Whether the app wants to follow the document. */
  wantSubscribe: boolean;
  /** Sends each op by itself, where ShareDB composes ops that wait. Default false. */
  preventCompose: boolean;
  /** Sends the option `source` of ops to the server too. Default false. */
  submitSource: boolean;
  /** Whether ops are held back: see `pause`. */
  paused: boolean;
  /** Gets the current state. */
  fetch(callback?: Callback): void;
  /** Follows the document. */
  subscribe(callback?: Callback): void;
  /** Does not follow the document any more; `data` stay as they are. */
  unsubscribe(callback?: Callback): void;
  /** Lets go of the document, once nothing is pending: it is not followed any more, and the connection makes another one when it is asked for. */
  destroy(callback?: Callback): void;
  /** Creates the document. */
  create(data: Data, callback?: Callback): void;
  create(data: Data, type?: string | null, callback?: Callback): void;
  create(data: Data, type?: string | null, options?: {source?: unknown} | null, callback?: Callback): void;
  /** Changes the document. */
  submitOp(op: unknown, callback?: Callback): void;
  submitOp(op: unknown, options?: {source?: unknown} | null, callback?: Callback): void;
  /** Deletes the document. */
  del(callback?: Callback): void;
  del(options?: {source?: unknown} | null, callback?: Callback): void;
  /** Takes a state that came from elsewhere, e.g. with the page, unless the document has one. */
  ingestSnapshot(snapshot: IngestibleSnapshot | null | undefined, callback?: Callback): void;
  /** A copy of the document's state, for `ingestSnapshot` elsewhere. */
  toSnapshot(): {v: number; type: string; data: Data};
  /** Calls back when no op and no request is open. */
  whenNothingPending(callback: () => void): void;
  /** Whether an op or a request is open. */
  hasPending(): boolean;
  /** Whether an op is not acknowledged by the server yet. */
  hasWritePending(): boolean;
  /** Holds back ops, which are applied here, until `resume`. */
  pause(): void;
  /** Sends what `pause` has held back. */
  resume(): void;
  /** Sends what waits to be sent. Apps have no need to. */
  flush(): void;
  /** @internal The op on its way to the host, and those behind it: remote ops are carried over them. */
  inflightOp: PendingOp | null;
  /** @internal */
  pendingOps: PendingOp[];
  /** @internal Requests under way: they are asked again of the next host. */
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
  /** @internal Applies a remote op as upstream does, with its transformation of pending ops. */
  _handleOp(error: Error | null, message: object): void;
  /** @internal */
  _flushSubscribe(): void;
  /** @internal */
  _handleSubscribe(error?: Error | null, data?: unknown): void;
  /** @internal */
  _handleFetch(error?: Error | null, data?: unknown): void;
  /** @internal Applies an op and tells of it; `source` is truthy where `_submit` calls it, which then only asks for a flush. */
  _otApply(op: object, source: unknown): void;
  /** @internal Queues an op with the type to transform it by, or composes it into the last one. */
  _pushOp(op: PendingOp, source: unknown, callback: Callback | undefined): void;
  /** @internal @returns the pending op that this one has become a part of */
  _tryCompose(op: PendingOp): PendingOp | undefined;
  /** @internal Composes what was submitted while an op was applied component by component. */
  _popApplyStack(to: number): void;
  /** @internal The op in flight is done, or has an error that is told to its callbacks. */
  _clearInflightOp(error?: Error | null): void;
  /** @internal A state that can't be kept: types that do not fit, a create that was refused. */
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
  /** @internal Asked again after the server was away. */
  send(): void;
}

export interface UpstreamLocalPresence extends LocalPresence {
  /** @internal What waits for answers. */
  _callbacksByPresenceVersion: Record<number, unknown>;
  /** @internal */
  _ack(error: Error | null, presenceVersion: number): void;
}

export interface UpstreamPresence extends Omit<Presence, 'emit'> {
  /** @internal Its end has been asked for, and not been taken back. */
  _wantsDestroy: boolean;
  /** @internal */
  _onConnectionStateChanged(): void;
  /** @internal Calls back who has subscribed, or emits an error that nobody is called back with. */
  _callEachOrEmit(callbacks: readonly (Callback | undefined)[], error?: Error | null): void;
  /** @internal */
  _createLocalPresence(id: string): UpstreamLocalPresence;
  /** @internal An answer, or what another presence shows. */
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
  /** The state of the host's connection to the server: 'connecting', 'connected', 'disconnected', 'closed' or 'stopped'. Events of these names, and `state`. */
  state: string;
  /** Whether messages reach the host. */
  canSend: boolean;
  /** ShareDB's own log of messages in the console. */
  debug: boolean;
  /** The document of this name: the same object each time, until it is destroyed. */
  get(collection: string, id: string): UpstreamDoc<any>;
  /** The document of this name, if there is one in this tab. */
  getExisting(collection: string, id: string): UpstreamDoc<any> | undefined;
  /** The presences in a document: its ops transform their values. */
  getDocPresence(collection: string, id: string): Presence;
  /** The presences of a channel. */
  getPresence(channel: string): Presence;
  /** Asks the server's database once. */
  createFetchQuery(collection: string, query: unknown, options?: any, callback?: (...args: any[]) => void): any;
  /** Asks the server's database, and follows the results. */
  createSubscribeQuery(collection: string, query: unknown, options?: any, callback?: (...args: any[]) => void): any;
  /** Gets a document as it was at a version. */
  fetchSnapshot(collection: string, id: string, callback: SnapshotCallback): void;
  fetchSnapshot(collection: string, id: string, version: number | null, callback: SnapshotCallback): void;
  /** Gets a document as it was at a time. */
  fetchSnapshotByTimestamp(collection: string, id: string, callback: SnapshotCallback): void;
  fetchSnapshotByTimestamp(collection: string, id: string, timestamp: number | null, callback: SnapshotCallback): void;
  /** Calls back when no op and no request is open. */
  whenNothingPending(callback: () => void): void;
  /** Whether an op of this tab is not acknowledged by the server yet. */
  hasWritePending(): boolean;
  /** What is asked for until `endBulk` goes out in one request. */
  startBulk(): void;
  /** See `startBulk`. */
  endBulk(): void;
  /** Sends a message of ShareDB's protocol to the host. Apps have no need to. */
  send(message: object): void;
  /** Asks the server for a sign of life; event `pong`. */
  ping(): void;
  /** Detaches this tab. */
  close(): void;
  /** The queries of this tab, by id. */
  queries: Record<string, UpstreamQuery>;
  /** @internal What is asked for between `startBulk` and `endBulk`. */
  bulk: object | null | undefined;
  /** @internal */
  sendFetch(doc: UpstreamDoc<unknown>): boolean | undefined;
  /** @internal */
  sendSubscribe(doc: UpstreamDoc<unknown>): boolean | undefined;
  /** Takes a message as if it came from the host. Apps have no need to. */
  handleMessage(message: object): void;
  /** What this tab is to the server's agent, where both are in one process. */
  agent: PublicConnection['agent'];
  /** The documents of this tab, by collection and id. */
  collections: PublicConnection['collections'];
  /** This tab's id, which ops that other tabs of its host see have as their `src`. */
  id: string | null;
  /** The number of the next op. */
  seq: number;
  /** The id of the next query. */
  nextQueryId: number;
  /** The id of the next request for a snapshot. */
  nextSnapshotRequestId: number;
  /** Whether an op or a request is open. */
  hasPending(): boolean;
  /** @internal The socket stands for the host: nothing but messages in ShareDB's letters passes it. */
  socket: Socket;
  /** @internal */
  _presences: Record<string, UpstreamPresence>;
  /** @internal */
  _snapshotRequests: Record<string, UpstreamQuery>;
  /** @internal A request tells where the tab stands in the host's history, not the version. */
  _sendActions(action: string, doc: UpstreamDoc<unknown>, version?: unknown): boolean | undefined;
  /** @internal */
  sendOp(doc: UpstreamDoc<unknown>, op: PendingOp): void;
  /** @internal */
  _addDoc(doc: UpstreamDoc<unknown>): void;
  /** @internal */
  _destroyDoc(doc: UpstreamDoc<unknown>): void;
  /** @internal Answers for many documents. */
  _handleBulkMessage(error: Error | null, message: object, method: '_handleFetch' | '_handleSubscribe'): void;
  /** @internal The host's state is mirrored; whether ops can be sent is another matter. */
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
  /** @internal It waits until nothing is unsent, where upstream waits for the server. */
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
  /** @internal It lets go of what it has. */
  _handleLoad(): void;
  /** @internal It looks again, whenever the document changes, at what could not be shown yet. */
  _setPendingPresence(): void;
}

export const BaseLocalDocPresence = LocalDocPresence as new (presence: unknown, id: string) => UpstreamLocalDocPresence;
export const BaseRemoteDocPresence = RemoteDocPresence as new (presence: unknown, id: string) => UpstreamRemoteDocPresence;

export type {Snapshot, Type, Query, Presence, LocalPresence};
