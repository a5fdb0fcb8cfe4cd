import {nextTick} from '../../platform/next-tick.js';
import {TabsError} from '../../protocol/errors.js';
import {Completion, completing} from '../completion.js';
import type {OpenCalls} from '../open-calls.js';
import {splitCallback} from '../promisify.js';
import {BaseDoc, type Callback, type IngestibleSnapshot} from '../upstream.js';
import {isUnknown, missingType} from './known-types.js';

/** The options of an op. `source` is passed to listeners and, with `submitSource`, to the server. */
export type SourceOption = {
  /** Any value. Listeners get it as their argument `source`. Default: true. */
  source?: unknown;
} | null | undefined;

/** The parts of the connection that a document's calls use. */
export interface CallsOfConnection {
  /** @internal */
  readonly openCalls: OpenCalls;
  /** Whether messages reach the host. */
  readonly canSend: boolean;
  /** The document of this name, if there is one. */
  getExisting(collection: string, id: string): unknown;
  /** @internal */
  guarded(act: () => void): void;
  /** Sends a request of the document, or without a host, lets the document await one. @internal */
  _sendActions(action: string, doc: unknown): void;
}

/**
 * ShareDB's `Doc` with promises in addition to callbacks. Each call gets an answer, whatever else is requested of the document meanwhile.
 * This class does not depend on the host.
 */
export class CallableDoc<Data> extends BaseDoc<Data> {
  /** The connection that the document belongs to. */
  declare readonly connection: CallsOfConnection;
  /** The callback of a fetch that has no other. */
  private noCallback: Callback | undefined;
  /** The callbacks of `destroy` that have no answer yet. */
  private destroying: Callback[] | undefined;
  private uncaughtErrors: unknown[] | undefined;
  /** After a hard rollback, ShareDB emits its error before it emits that nothing is pending. */
  private reportsErrorsFirst = false;

  /** @internal */
  get openCalls(): OpenCalls {
    return this.connection.openCalls;
  }

  /** Gets the current state from the host or the server. Resolves when `data` and `version` show it. Rejects with the server's error. */
  override fetch(callback?: Callback): Completion {
    return this.completing(callback ?? this.noCallback, done => super.fetch(done));
  }

  /** Subscribes to the document. Resolves when `data` and `version` show its state. Rejects with the server's error. */
  override subscribe(callback?: Callback): Completion {
    // This does not use `completing`: apps subscribe to many documents at once, and each additional function costs time and memory.
    const completion = new Completion(callback, this);
    super.subscribe(completion.done);
    return completion.begun();
  }

  override unsubscribe(callback?: Callback): Completion {
    return this.completing(callback, done => super.unsubscribe(done));
  }

  override destroy(callback?: Callback): Completion {
    const completion = new Completion(callback, this);
    this.join(completion.done);
    return completion.begun();
  }

  /**
   * Destroys the document when all its requests are answered, including those made meanwhile. ShareDB removes the document while such
   * requests are open, and a second call removes it before the first call has its answer.
   */
  private join(done: Callback): void {
    const earlier = this.destroying;
    if (earlier && this._wantsDestroy) return void earlier.push(done);
    const all = this.destroying = [done];
    const end: Callback = error => {
      const callbacks = [...earlier?.splice(0) ?? [], ...all.splice(0)];
      const isStillThere = this._wantsDestroy && this.connection.getExisting(this.collection, this.id) === this;
      if (!error && isStillThere) {
        if (this.destroying && this.destroying !== all) return void this.destroying.unshift(...callbacks);
        all.push(...callbacks);
        this.destroying = all;
        return super.destroy(end);
      }
      if (this.destroying === all) this.destroying = undefined;
      for (const one of callbacks) one(error);
    };
    super.destroy(end);
  }

  /** Answers a request with an error, because the document was destroyed and another document has its name. @internal */
  answerReplaced(action: string): void {
    // A request during `destroy`, for example the unsubscribe that ShareDB makes for it, gets no error.
    const error = this.destroying || action === 'u' ? null : replaced(this);
    if (action === 'f') return this._handleFetch(error);
    // The connection to the host may have been lost meanwhile.
    this.inflightSubscribe ??= this.pendingSubscribe.shift() ?? null;
    if (this.inflightSubscribe) this._handleSubscribe(error);
  }

  /** ShareDB sends the op of a destroyed document whose name another one has, and never answers it. @internal */
  override _submit(op: unknown, source: unknown, callback: Callback): void {
    const existing = this.connection.getExisting(this.collection, this.id);
    if (existing && existing !== this) nextTick(() => callback(replaced(this)));
    else super._submit(op, source, callback);
  }

  /** ShareDB does not answer a destroyed document that is used again without a connection. @internal */
  override _fetch(options: {force?: boolean}, callback?: Callback): void {
    super._fetch(options, callback);
    if (!this.connection.canSend) this.connection._sendActions('f', this);
  }

  /** Gets the current state as ShareDB does, for a caller with a callback of its own. @internal */
  fetchUpstream(callback: Callback): void {
    super.fetch(callback);
  }

  /** Sets a state that the app or the host has supplied. @internal */
  protected ingest(snapshot: IngestibleSnapshot | null | undefined, callback: Callback): void {
    super.ingestSnapshot(snapshot, callback);
  }

  override ingestSnapshot(snapshot: IngestibleSnapshot | null | undefined, callback?: Callback): Completion {
    const completion = new Completion(callback, this);
    this.ingest(snapshot, completion.done);
    return completion.begun();
  }

  /** Creates the document. `data` shows it at once. Resolves when the server has acknowledged the op. Rejects if the op is refused. */
  override create(data: Data, callback?: Callback): Completion;
  override create(data: Data, type?: string | null, callback?: Callback): Completion;
  override create(data: Data, type?: string | null, options?: SourceOption, callback?: Callback): Completion;
  override create(data: Data, ...rest: unknown[]): Completion {
    const {values, callback} = splitCallback(rest);
    const type = values[0] as string;
    return this.completing(callback, done => {
      if (isUnknown(type)) nextTick(() => done(missingType(this, type)));
      else super.create(data, type, values[1] as SourceOption, done);
    });
  }

  /** Changes the document. `data` shows the op at once. Resolves when the server has acknowledged the op. Rejects if the op is refused. */
  override submitOp(op: unknown, callback?: Callback): Completion;
  override submitOp(op: unknown, options?: SourceOption, callback?: Callback): Completion;
  override submitOp(op: unknown, ...rest: unknown[]): Completion {
    const {values, callback} = splitCallback(rest);
    return this.completing(callback, done => super.submitOp(op, values[0] as SourceOption, done));
  }

  /** Deletes the document at once. Resolves when the server has acknowledged the op. Rejects if the op is refused. */
  override del(callback?: Callback): Completion;
  override del(options?: SourceOption, callback?: Callback): Completion;
  override del(...rest: unknown[]): Completion {
    const {values, callback} = splitCallback(rest);
    return this.completing(callback, done => super.del(values[0] as SourceOption, done));
  }

  override whenNothingPending(callback?: () => void): Completion {
    return this.completing(callback, done => super.whenNothingPending(done as () => void));
  }

  protected completing(callback: Callback | undefined, start: (done: Callback) => void): Completion {
    return completing(callback, this, start);
  }

  // ---- errors without a callback or a promise

  /** An error without a callback or a promise becomes an `error` event, at the same point as in ShareDB. @internal */
  handleUncaught(error: unknown, isSynchronous: boolean): void {
    if (isSynchronous) {
      this.emit('error', error);
      return;
    }
    // ShareDB emits one error for all ops that one rollback takes back.
    if (!this.uncaughtErrors?.length) nextTick(() => this.connection.guarded(() => this.emitUncaught()));
    if (!this.uncaughtErrors?.includes(error)) (this.uncaughtErrors ??= []).push(error);
  }

  /** Emits the errors that nothing else reports. @internal */
  emitUncaught(): void {
    while (this.uncaughtErrors?.length) this.emit('error', this.uncaughtErrors.shift());
  }

  /** @internal */
  override _clearInflightOp(error?: Error | null): void {
    if (error) Completion.muteIfHandled(this.inflightOp!.callbacks);
    super._clearInflightOp(error);
  }

  /** @internal */
  override _emitNothingPending(): void {
    if (this.reportsErrorsFirst && !this._isInHardRollback) this.emitUncaught();
    super._emitNothingPending();
    this.emitUncaught();
    this.reportsErrorsFirst &&= this._isInHardRollback;
  }

  /** Notes that ShareDB performs a hard rollback, at whose end the ops get an error. @internal */
  protected noteHardRollback(): void {
    this.reportsErrorsFirst = true;
  }

  // ---- subscriptions

  /**
   * Without a host, an unsubscribe is answered in the next tick. If another request was answered first because the host was lost, ShareDB
   * would treat its own answer to the unsubscribe as the answer to that request, and would subscribe again with the next host. @internal
   */
  override _flushSubscribe(): void {
    const [next] = this.pendingSubscribe;
    if (this.inflightSubscribe || !next || this.connection.canSend) return super._flushSubscribe();
    if (next.wantSubscribe) return this.connection._sendActions('s', this);
    this.pendingSubscribe.shift();
    this.inflightSubscribe = next;
    this.wantSubscribe = false;
    nextTick(() => { if (this.inflightSubscribe === next) this._handleSubscribe(); });
  }

  /** After a refused subscription, also sends the requests that wait. ShareDB would send them only on the next connection. @internal */
  override _handleSubscribe(error?: Error | null, data?: unknown): void {
    super._handleSubscribe(error, data);
    if (error && this.pendingSubscribe.length) this._flushSubscribe();
  }

  /** Repeats only requests that are not in flight. @internal */
  override _resubscribe(): void {
    // The callers that wait for this fetch get its error. Without a callback, it would also become an event.
    this.noCallback = () => {};
    if (!this.inflightSubscribe || !this.wantSubscribe || this.pendingSubscribe.length) super._resubscribe();
    this.noCallback = undefined;
  }
}

const replaced = ({collection, id}: CallableDoc<any>): TabsError =>
  new TabsError('ERR_TABS_CLOSED', `${collection}.${id} was destroyed: use what connection.get() gives`);
