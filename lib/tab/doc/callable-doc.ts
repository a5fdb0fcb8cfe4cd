import {nextTick} from '../../platform/next-tick.js';
import {TabsError} from '../../protocol/errors.js';
import {Completion, completing} from '../completion.js';
import type {OpenCalls} from '../open-calls.js';
import {splitCallback} from '../promisify.js';
import {BaseDoc, type Callback, type IngestibleSnapshot} from '../upstream.js';
import {isUnknown, missingType} from './known-types.js';

/** The options of an op: `source` tells listeners, and with `submitSource` the server, who made it. */
export type SourceOption = {source?: unknown} | null | undefined;

/** What a document's calls need of its connection. */
export interface CallsOfConnection {
  /** @internal */
  readonly openCalls: OpenCalls;
  /** Whether messages reach the host. */
  readonly canSend: boolean;
  /** The document of this name, if there is one. */
  getExisting(collection: string, id: string): unknown;
  /** @internal */
  guarded(act: () => void): void;
}

/**
 * The calls of ShareDB's `Doc` as an app makes them: with promises beside the callbacks, and with an answer for each, whatever else is
 * asked of the document meanwhile. It knows nothing of the host.
 */
export class CallableDoc<Data> extends BaseDoc<Data> {
  declare readonly connection: CallsOfConnection;
  /** What a fetch calls back that has no callback of its own. */
  private noCallback: Callback | undefined;
  /** Who waits for its end. */
  private destroying: Callback[] | undefined;
  private uncaughtErrors: unknown[] | undefined;
  /** After a hard rollback, upstream emits its error before it emits that nothing is pending. */
  private tellsErrorsFirst = false;

  /** @internal */
  get openCalls(): OpenCalls {
    return this.connection.openCalls;
  }

  /** Gets the current state from the host or the server. Resolves when `data` and `version` show it. */
  override fetch(callback?: Callback): Completion {
    return this.completing(callback ?? this.noCallback, done => super.fetch(done));
  }

  /** Follows the document. Resolves when `data` and `version` show its state. */
  override subscribe(callback?: Callback): Completion {
    // Written out, as where snapshots come: apps subscribe to many at once, and each function made takes its time and memory.
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
   * Ends the document when it has the answers to all requests, those too that are made while it ends. Upstream removes it although they are
   * open, and a second call removes it before the first one has its answer.
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

  /** It was destroyed, and another document has its name: nothing can be asked for this one. @internal */
  answerReplaced(action: string): void {
    // What it asks on the way to its end has no other answer than that end.
    const error = this.destroying || action === 'u' ? null : new TabsError(
      'ERR_TABS_CLOSED', `${this.collection}.${this.id} was destroyed: use what connection.get() gives`
    );
    if (action === 'f') return this._handleFetch(error);
    // The link may have been lost meanwhile.
    this.inflightSubscribe ??= this.pendingSubscribe.shift() ?? null;
    if (this.inflightSubscribe) this._handleSubscribe(error);
  }

  /** Gets the current state, as upstream has it: for a caller with a callback of its own. @internal */
  protected fetchPlainly(callback: Callback): void {
    super.fetch(callback);
  }

  /** Takes a state from the app, or from the host. @internal */
  protected ingest(snapshot: IngestibleSnapshot | null | undefined, callback: Callback): void {
    super.ingestSnapshot(snapshot, callback);
  }

  override ingestSnapshot(snapshot: IngestibleSnapshot | null | undefined, callback?: Callback): Completion {
    const completion = new Completion(callback, this);
    this.ingest(snapshot, completion.done);
    return completion.begun();
  }

  /** Creates the document, here at once. Resolves when the server has acknowledged it. */
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

  /** Changes the document, here at once. Resolves when the server has acknowledged it. */
  override submitOp(op: unknown, callback?: Callback): Completion;
  override submitOp(op: unknown, options?: SourceOption, callback?: Callback): Completion;
  override submitOp(op: unknown, ...rest: unknown[]): Completion {
    const {values, callback} = splitCallback(rest);
    return this.completing(callback, done => super.submitOp(op, values[0] as SourceOption, done));
  }

  /** Deletes the document, here at once. Resolves when the server has acknowledged it. */
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

  // ---- errors that nobody has asked for

  /** An error that has neither callback nor promise is an event, as upstream has it, and at the same point. @internal */
  handleUncaught(error: unknown, isSynchronous: boolean): void {
    if (isSynchronous) {
      this.emit('error', error);
      return;
    }
    // Upstream emits one error for all ops that one rollback takes.
    if (!this.uncaughtErrors?.length) nextTick(() => this.connection.guarded(() => this.emitUncaught()));
    if (!this.uncaughtErrors?.includes(error)) (this.uncaughtErrors ??= []).push(error);
  }

  /** Tells of what nobody else is told of. @internal */
  protected emitUncaught(): void {
    while (this.uncaughtErrors?.length) this.emit('error', this.uncaughtErrors.shift());
  }

  /** @internal */
  override _clearInflightOp(error?: Error | null): void {
    if (error) Completion.muteTogether(this.inflightOp!.callbacks);
    super._clearInflightOp(error);
  }

  /** @internal */
  override _emitNothingPending(): void {
    if (this.tellsErrorsFirst && !this._isInHardRollback) this.emitUncaught();
    super._emitNothingPending();
    this.emitUncaught();
    this.tellsErrorsFirst &&= this._isInHardRollback;
  }

  /** Upstream's own end of a hard rollback has an error for its ops. @internal */
  protected noteHardRollback(): void {
    this.tellsErrorsFirst = true;
  }

  // ---- subscriptions

  /**
   * Without a host, an unsubscribe is answered on the next tick. Upstream's answer would be taken for that of another request,
   * if the first one is answered before, because the host was lost; and it would subscribe again with the next host.
   * @internal
   */
  override _flushSubscribe(): void {
    const [next] = this.pendingSubscribe;
    if (this.inflightSubscribe || !next || next.wantSubscribe || this.connection.canSend) return super._flushSubscribe();
    this.pendingSubscribe.shift();
    this.inflightSubscribe = next;
    this.wantSubscribe = false;
    nextTick(() => { if (this.inflightSubscribe === next) this._handleSubscribe(); });
  }

  /** Upstream sends what waits behind a refused subscription only with the next connection. @internal */
  override _handleSubscribe(error?: Error | null, data?: unknown): void {
    super._handleSubscribe(error, data);
    if (error && this.pendingSubscribe.length) this._flushSubscribe();
  }

  /** What is asked for already is not asked for again. @internal */
  override _resubscribe(): void {
    // What it fetches is what others wait for, who hear of an error.
    this.noCallback = () => {};
    if (!this.inflightSubscribe || !this.wantSubscribe || this.pendingSubscribe.length) super._resubscribe();
    this.noCallback = undefined;
  }
}
