import type {UndoMark} from '../protocol/undo.js';
import type {Type} from 'sharedb/lib/sharedb.js';

/**
 * The undocumented members of upstream's `Doc`, `Query` and `Connection` that the host relies on, and
 * why. `test/node/upstream.test.ts` checks that the supported versions of sharedb have all of it.
 */

/** The host's callbacks bear the op that they belong to, so that they can be stored. */
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
  /** Counted with each time that it is sent. */
  retries?: number;
  /** The journal has it that it was sent. */
  isSent?: boolean;
  callbacks?: (Callback | undefined)[];
  /** Ours: how it concerns the undo stack that tabs share. */
  undo?: UndoMark;
  /** Ours: it leads from the content of an earlier database to that of the server's. */
  replaces?: true | undefined;
  /** Ours: the tab that submitted it, so that ops of two tabs are not composed into one. */
  owner?: string;
  /** Ours: what undoes it, where the type could not tell and it was worked out. */
  inverse?: unknown;
  /** Ours: the type's `invert` is known to undo it. */
  isInvertible?: boolean;
  /** Ours: the place in the store of the record without which it must not be sent. */
  place?: number;
  /** Ours: the last attempt to send it, of those that wait for the journal. */
  attempt?: object;
  /** Ours: `doc.submitSource` as it was in the tab, since upstream reads it when the op is sent. */
  submitSource?: boolean;
}

/** `type` is missing where it is the default one. */
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
  /** The callbacks of fetches under way, and of those that wait. */
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
  /** Without it, `_destroyDoc` does nothing. */
  _wantsDestroy: boolean;
  /** The op on its way to the server, and those behind it: what a rejection must not take along. */
  inflightOp: RealOp | null;
  pendingOps: RealOp[];
  /** Requests under way: the last of them decides whether the document will be followed. */
  inflightSubscribe: SubscribeRequest | null;
  pendingSubscribe: SubscribeRequest[];
  /** Sends requests, for the snapshot if the version is null, and gets their answers. */
  _flushSubscribe(): void;
  _handleFetch(error: Error | null, snapshot?: ServerSnapshot): void;
  _handleSubscribe(error?: Error | null, snapshot?: ServerSnapshot): void;
  /** Every change of the data passes through here, in the one order that is the history. */
  _otApply(op: RealOp, source: unknown): void;
  /** Queues an op that was applied; `_submit` would roll back hard where applying fails. */
  _pushOp(op: RealOp, source: unknown, callback: Callback): void;
  _sendOp(): void;
  /** A no-op of the server moves the version without an event. */
  _handleOp(error: Error | null, message: {v?: number}): void;
  _rollback(error: Error): void;
  /** An op is over: acknowledged, rejected, or found to change nothing. */
  _clearInflightOp(error?: Error | null): void;
  _hardRollback(error: Error): void;
  /** Calls those who wait for the end of all ops and requests, if it has come. */
  _emitNothingPending(): void;
  _setType(type: string | null): void;
  _setData(data: unknown): void;
  _fetch(options: {force?: boolean}, callback?: Callback): void;
  _isInHardRollback: boolean;
  /** Silent read rejections call back without their error; the tabs need it. */
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
  /** The server's answer to the subscription. */
  _handleSubscribe(error: Error | null, data?: unknown, extra?: unknown): void;
  /** The server's diff, which the tabs get as it is; the public events have lost its shape. */
  _handleDiff(diff: QueryDiff[]): void;
  /** Every result passes here before its document has it. */
  _ingestSnapshots(snapshots: {c?: string; d: string; type?: string | null}[], finish?: Callback): RealDoc[];
  /** The one place that every reply passes, the repeated ones after a reconnect too. */
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
  /** The next op's number: taken by the host where an op is journalled before it is sent. */
  seq: number;
  on(event: string, listener: (...args: never[]) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  send(message: object): void;
  ping(): void;
  close(): void;
  /** Whether a document, a query or a request for a snapshot waits for the server. */
  hasPending(): boolean;
  get(collection: string, id: string): RealDoc;
  /** Lets go of a document at once, which has nothing pending. */
  _destroyDoc(doc: RealDoc): void;
  createFetchQuery(c: string, q: unknown, options: object | null, callback: QueryCallback): RealQuery;
  createSubscribeQuery(c: string, q: unknown, options: object | null, callback: QueryCallback): RealQuery;
  fetchSnapshot(c: string, d: string, v: number | null, callback: SnapshotCallback): void;
  fetchSnapshotByTimestamp(c: string, d: string, ts: number | null, callback: SnapshotCallback): void;
  /** The requests to the server between `startBulk` and `endBulk`. */
  bulk: object | null | undefined;
  startBulk(): void;
  endBulk(): void;
  /** The server's answer for many documents, told to each of them. */
  _handleBulkMessage(error: Error | null, message: object, method: string): void;
  /** Presence is the tabs' own: the host passes the messages on instead of keeping presences. */
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
