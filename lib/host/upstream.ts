import type {UndoMark} from '../protocol/undo.js';
import type {Type} from 'sharedb/lib/sharedb.js';

/**
 * The undocumented members of upstream's `Doc`, `Query` and `Connection` that the host relies on, with the reasons.
 * `test/node/upstream.test.ts` checks that the supported versions of sharedb have all of them.
 */

/** A callback of an op. `origin` is the tab's op that it belongs to, which a checkpoint stores. */
export type Callback = ((error?: Error | null) => void) & {origin?: readonly [owner: string, seq: number]};

export interface RealOp {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: boolean;
  src?: string;
  seq?: number;
  source?: unknown;
  type?: Type | null;
  sentAt?: number;
  /** How often upstream has sent the op again. */
  retries?: number;
  /** Whether the op was sent, or will be sent when its record is durable. Nothing may be composed into it. */
  isSent?: boolean;
  callbacks?: (Callback | undefined)[];
  /** This library's own member: what the op means for the undo stack that tabs share. */
  undo?: UndoMark;
  /** This library's own member: the step leads from the content of another database to the server's content. */
  replaces?: true | undefined;
  /** This library's own member: the tab that submitted the op, so that ops of two tabs are not composed into one. */
  owner?: string;
  /** This library's own member: the inverse of the op, if the type's `invert` could not be used and the host has computed it. */
  inverse?: unknown;
  /** This library's own member: whether the type's `invert` is known to return a correct inverse. */
  isInvertible?: boolean;
  /** This library's own member: the position in the store of the record that must be durable before the op is sent. */
  writeNumber?: number;
  /** This library's own member: the last attempt to send the op that waits for the journal. */
  attempt?: object;
  /** This library's own member: the tab's `doc.submitSource`, because upstream reads it when the op is sent. */
  submitSource?: boolean;
}

/** A snapshot of the server. `type` is missing if it is the default type. */
export interface ServerSnapshot {
  v: number;
  type?: string | null;
  data?: unknown;
}

export interface SubscribeRequest {
  wantSubscribe: boolean;
  callback?: Callback | null;
}

export interface RealDoc {
  readonly collection: string;
  readonly id: string;
  readonly connection: RealConnection;
  version: number | null;
  type: Type | null;
  data: unknown;
  subscribed: boolean;
  wantSubscribe: boolean;
  preventCompose: boolean;
  submitSource: boolean;
  /** The callbacks of fetches in flight, and of those that wait. */
  inflightFetch: (Callback | undefined)[];
  pendingFetch: (Callback | undefined)[];
  fetch(callback?: Callback): void;
  subscribe(callback?: Callback): void;
  unsubscribe(callback?: Callback): void;
  flush(): void;
  hasWritePending(): boolean;
  hasPending(): boolean;
  ingestSnapshot(snapshot: ServerSnapshot, callback?: Callback): void;
  on(event: string, listener: (...args: never[]) => void): void;
  once(event: string, listener: (...args: never[]) => void): void;
  /** Must be true, otherwise `_destroyDoc` does nothing. */
  _wantsDestroy: boolean;
  /** The op in flight, and the ops behind it, which a rejection of the op in flight must not discard. */
  inflightOp: RealOp | null;
  pendingOps: RealOp[];
  /** The subscribe requests in flight and waiting. The last one decides whether the document will be subscribed. */
  inflightSubscribe: SubscribeRequest | null;
  pendingSubscribe: SubscribeRequest[];
  /** Sends requests, and handles their answers. If the version is null, a request asks for the snapshot. */
  _flushSubscribe(): void;
  _handleFetch(error: Error | null, snapshot?: ServerSnapshot): void;
  _handleSubscribe(error?: Error | null, snapshot?: ServerSnapshot): void;
  /** Applies each change of the data, in the order that becomes the history. */
  _otApply(op: RealOp, source: unknown): void;
  /** Queues an op that the host has applied. `_submit` is not used, because it performs a hard rollback if applying fails. */
  _pushOp(op: RealOp, source: unknown, callback: Callback): void;
  _sendOp(): void;
  /** Handles a message of the server. An op that changes nothing increases the version without an event. */
  _handleOp(error: Error | null, message: {v?: number}): void;
  _rollback(error: Error): void;
  /** Ends the op in flight: it was acknowledged or rejected, or changes nothing. */
  _clearInflightOp(error?: Error | null): void;
  _hardRollback(error: Error): void;
  /** Calls the callbacks that wait until no op and no request is pending, if that is the case. */
  _emitNothingPending(): void;
  _setType(type: string | null): void;
  _setData(data: unknown): void;
  _fetch(options: {force?: boolean}, callback?: Callback): void;
  _isInHardRollback: boolean;
  /** Calls back without an error if a read is rejected silently. The tabs need the error. */
  _emitResponseError(error: Error, callback?: Callback): void;
}

export interface RealQuery {
  readonly collection: string;
  results: RealDoc[] | null;
  extra: unknown;
  ready: boolean;
  sent: boolean;
  send(): void;
  destroy(callback?: Callback): void;
  on(event: string, listener: (...args: never[]) => void): void;
  /** Handles the server's answer to the subscription. */
  _handleSubscribe(error: Error | null, data?: unknown, extra?: unknown): void;
  /** Handles the server's diff, which the tabs get unchanged. The public events do not contain its form. */
  _handleDiff(diff: QueryDiff[]): void;
  /** Receives each result before its document does. */
  _ingestSnapshots(snapshots: {c?: string; d: string; type?: string | null}[], finish?: Callback): RealDoc[];
  /** Handles the end of each reply, including replies to requests that were repeated after a reconnect. */
  _finishResponse(error: Error | null, callback?: unknown): void;
}

export type QueryDiff =
  | {type: 'insert'; index: number; values: unknown[]}
  | {type: 'remove'; index: number; howMany?: number}
  | {type: 'move'; from: number; to: number; howMany?: number};

export interface PresenceReply {
  a: 'p';
  ch: string;
  id: string;
  src?: string;
  p?: unknown;
  pv?: number;
  c?: string;
  d?: string;
  v?: number;
  t?: string;
}

export interface RealConnection {
  id: string | null;
  state: string;
  canSend: boolean;
  /** The number of the next op. The host assigns numbers itself if ops are journalled before they are sent. */
  seq: number;
  on(event: string, listener: (...args: never[]) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  send(message: object): void;
  ping(): void;
  close(): void;
  /** Whether a document, a query or a request for a snapshot awaits the server's answer. */
  hasPending(): boolean;
  get(collection: string, id: string): RealDoc;
  /** Removes a document that has nothing pending, synchronously. */
  _destroyDoc(doc: RealDoc): void;
  createFetchQuery(c: string, q: unknown, options: object | null, callback: QueryCallback): RealQuery;
  createSubscribeQuery(c: string, q: unknown, options: object | null, callback: QueryCallback): RealQuery;
  fetchSnapshot(c: string, d: string, v: number | null, callback: SnapshotCallback): void;
  fetchSnapshotByTimestamp(c: string, d: string, ts: number | null, callback: SnapshotCallback): void;
  /** The requests to the server between `startBulk` and `endBulk`. */
  bulk: object | null | undefined;
  startBulk(): void;
  endBulk(): void;
  /** Passes the server's answer for many documents to each of them. */
  _handleBulkMessage(error: Error | null, message: object, method: string): void;
  /** For presence. The host replaces the handlers, because it relays the messages of tabs and has no presence objects of its own. */
  _presenceSeq: number;
  _handlePresence(error: Error | null, message: PresenceReply): void;
  _handlePresenceSubscribe(error: Error | null, message: {ch: string; seq: number}): void;
  _handlePresenceUnsubscribe(error: Error | null, message: {ch: string; seq: number}): void;
  _handlePresenceRequest(error: Error | null, message: {ch: string}): void;
}

export type QueryCallback = (error: Error | null, results: RealDoc[], extra: unknown) => void;
export type SnapshotCallback = (
  error: Error | null,
  snapshot: {v: number; type: string | null; data: unknown; m: unknown}
) => void;
