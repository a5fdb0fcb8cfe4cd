import type {TabReport} from '../../protocol/report.js';
import {TabsError, decodeError, encodeError, type ErrorData} from '../../protocol/errors.js';
import type {CodedError} from '../events.js';
import {
  MAX_RUN, type UnconfirmedOp, type EntryMessage, type OrphanedOpsMessage, type PositionedMessage, type Position, type RefusedMessage, type ResetMessage,
  type SentOp, type SettledMessage, type SnapshotData
} from '../../protocol/messages.js';
import {isLocal} from '../../protocol/local.js';
import {isSame} from '../../ot/same.js';
import {markedStepOf} from '../../ot/step.js';
import {canBeOne, type UndoHook} from '../../protocol/undo.js';
import {withFastType} from '../../ot/fast-json0.js';
import {nextTick} from '../../platform/next-tick.js';
import {Completion} from '../completion.js';
import type {OpenCall} from '../open-calls.js';
import {CallableDoc} from './callable-doc.js';
import {isUnknown, missingType} from './known-types.js';
import type {SaveState} from './save-states.js';
import {submitOptions} from './submit-options.js';
import {UnconfirmedSteps} from './unconfirmed-steps.js';
import type {Callback, IngestibleSnapshot, PendingOp} from '../upstream.js';
import type {ProxyConnection} from '../proxy-connection.js';

/** While ops of a document wait for the server, ops that can be composed leave once in this time, in ms. No screen shows more. */
const FRAME_MS = 16;
/** If the server refuses to give a document's revision, it is asked again after this time, in ms. */
const RETRY_MS = 1000;

/** Thrown into ShareDB's `_submit` when the op is applied and nothing else is left to do. */
const WILL_FLUSH = new Error();

/** A tab's op with its place in the history. */
type OpMessage = EntryMessage & {seq: number};

/**
 * A tab's `Doc`. Optimistic apply, composing, transforming and events are ShareDB's. In addition, an op goes to the host first, which gives
 * it its place in the document's history. The op is settled when the server has answered.
 */
export class ProxyDoc<Data = any> extends CallableDoc<Data> {
  /** The connection that it belongs to. */
  declare readonly connection: ProxyConnection;
  /** The revision of the host's history that the document shows; null if it shows none. @internal */
  rev: number | null = null;
  private readonly unconfirmed = new UnconfirmedSteps();
  /** The document's incarnation: a count of the times that the tab has started it anew. A message for an earlier incarnation is dropped. */
  private inc: number;
  private hadState: boolean;
  /** The document's first incarnation. A message with a lower number is for an earlier document of this name. */
  private readonly firstInc: number;
  /** The number of pending ops that were sent together with the op in flight. Valid while an op is in flight. */
  private run = 0;
  /** The last ops were made on a state that was too old for the host. */
  private isBehind = false;
  /** Ops that have their place in the history and wait for the server's answer. @internal */
  unsettled: PendingOp[] = [];
  /** A state that the app has ingested, for a host that has not loaded the document. */
  private ingestedSnapshot: SnapshotData | undefined;
  /** @internal */
  opsAwaitingReset: PendingOp[] | undefined;
  /** The version that those ops were made on, if known. */
  private awaitingResetFrom: number | undefined;
  /** The data may contain ops of other tabs that the server has not acknowledged. */
  private isMixed = false;
  /** @internal */
  wasPaused = false;
  private isHeldBack = false;
  /** A tick that flushes is scheduled. */
  private willFlush = false;
  /** When the last op was sent to the host, in ms since the epoch. @internal */
  flushedAt = 0;
  /** The request that is being made accepts the stored state. */
  private storedWillDo = false;
  /** The app has destroyed the document: it sends nothing by itself any more. @internal */
  isDestroyed = false;
  private waiting: {isOver: () => boolean; callback: () => void}[] | undefined;
  /** @internal */
  undoHook: UndoHook<PendingOp> | undefined = undefined;
  /** When this tab last learned that the server has acknowledged an edit, its own or another tab's, in ms since the epoch. */
  savedAt: number | undefined;

  /** Use `connection.get(collection, id)`, which returns one object for each document. */
  constructor(connection: ProxyConnection, collection: string, id: string) {
    super(connection, collection, id);
    this.inc = this.firstInc = connection.nextIncarnation();
    this.hadState = connection.wasDestroyed(collection, id);
  }

  /** The document's position in the host's history. @internal */
  get position(): Position {
    const {inc, rev, hadState, ingestedSnapshot} = this;
    const stored = this.storedWillDo || this.connection.storedFirst;
    if (!hadState && !ingestedSnapshot && !stored) return {inc, rev};
    return {inc, rev, ...(hadState && {hadState}), ...(ingestedSnapshot && rev === null && {ingestedSnapshot}), ...(stored && {stored})};
  }

  /** The numbers of the ops that the server has not answered, as far as this tab knows. @internal */
  get unansweredSeqs(): number[] {
    return this.unanswered.flatMap(({seq}) => (seq === undefined || seq === null ? [] : [seq]));
  }

  /** The ops that the server has not answered, in order. @internal */
  get unanswered(): PendingOp[] {
    return [...(this.opsAwaitingReset ?? []), ...this.unsettled, ...this.unsent];
  }

  /** A host has lost its state, and has not said yet whether this tab's ops are lost. @internal */
  get awaitsReset(): boolean {
    return !!this.opsAwaitingReset;
  }

  /** The ops that the host has not confirmed, for the next host. @internal */
  orphanedOps(): OrphanedOpsMessage['docs'][number] | undefined {
    const {unconfirmed, unsettled} = this;
    const waiting = [...this.tentative, ...this.unsent];
    if (!waiting.length && !unsettled.some(op => unconfirmed.has(op))) return undefined;
    const rev = unconfirmed.start ?? this.rev;
    return {
      c: this.collection, d: this.id, rev, ops: waiting.map(op => this.identify(op)), unconfirmed: unconfirmed.ops, ...this.onlyHost,
      v: waiting[0] === this.unanswered[0] ? this.madeAt : undefined
    };
  }

  /** The steps that another host may lack. @internal */
  get unconfirmedOps(): {unconfirmed?: UnconfirmedOp[]} {
    const {ops} = this.unconfirmed;
    return ops.length ? {unconfirmed: ops} : {};
  }

  /** The only host that certainly knows the revision, if there is only one. @internal */
  get onlyHost(): {onlyHost?: string} {
    const {onlyHost} = this.unconfirmed;
    return onlyHost === undefined ? {} : {onlyHost};
  }

  /**
   * The tab continues with a host, perhaps the same one.
   * @returns whether the host has something to confirm @internal
   */
  resumeUnconfirmed(): boolean {
    this.unconfirmed.resume(this.connection.hostEpoch);
    return this.unconfirmed.onlyHost !== undefined;
  }

  /** The server's version that the first unanswered op was made on, if known. */
  private get madeAt(): number | undefined {
    if (this.opsAwaitingReset) return this.awaitingResetFrom;
    return this.isMixed ? undefined : this.version ?? undefined;
  }

  private get tentative(): PendingOp[] {
    return this.unconfirmed.tentative.filter(op => this.unsettled.includes(op));
  }

  /**
   * The ops that leave together with the op in flight, so that they need no round trip each. An app that pauses the document can see which
   * ops have left. It finds one, as in ShareDB. @internal
   */
  takeRun(): SentOp[] {
    const ops = this.wasPaused || this.isBehind ? [] : this.pendingOps.slice(0, MAX_RUN - 1);
    this.run = ops.length;
    return ops.map(op => this.identify(op));
  }

  /** The op with the identity under which it is sent. No other op is composed into it from now on. */
  private identify(op: PendingOp): SentOp {
    op.src ??= this.connection.id!;
    op.seq ??= this.connection.seq++;
    op.sentAt ??= Date.now();
    return {seq: op.seq, step: markedStepOf(op), x: submitOptions(this, op)};
  }

  /** The open calls of ops that the server has not acknowledged. @internal */
  get opCalls(): OpenCall[] {
    return this.unanswered.flatMap(({callbacks}) => Completion.callsOf(callbacks));
  }

  /** Whether the host lacks an op. @internal */
  get hasUnsent(): boolean {
    return !!this.inflightOp || this.pendingOps.length > 0;
  }

  /** The ops that the host lacks, in order. @internal */
  get unsent(): PendingOp[] {
    return this.inflightOp ? [this.inflightOp, ...this.pendingOps] : this.pendingOps;
  }

  /** Whether the document waits for a state from the host. @internal */
  get isLoading(): boolean {
    return !!this.opsAwaitingReset || this.inflightFetch.length > 0 || !!this.inflightSubscribe;
  }

  /** Calls back when the host has all ops of this document, but never synchronously. @internal */
  whenNothingUnsent(callback: () => void): void {
    nextTick(() => this.when(() => !this.hasUnsent && !this.isLoading, callback));
  }

  /** Calls back when the host has the ops that exist now, or is lost. @internal */
  whenHandedOver(callback: () => void): void {
    const ops = new Set(this.notAtHost);
    this.when(() => !this.connection.canSend || !this.notAtHost.some(op => ops.has(op)), callback);
  }

  /** The revision of the data, if the host knows it and has all ops of this tab. @internal */
  get settledRevision(): number | undefined {
    const isMoving = this.hasUnsent || !!this.opsAwaitingReset || this.unconfirmed.isReturning || !this.connection.canSend;
    return isMoving ? undefined : this.rev ?? undefined;
  }

  /** Calls back when there is a settled revision. @internal */
  whenRevisionSettled(callback: () => void): void {
    this.when(() => this.settledRevision !== undefined, callback);
  }

  /** @internal */
  when(isOver: () => boolean, callback: () => void): void {
    if (isOver()) callback();
    else (this.waiting ??= []).push({isOver, callback});
  }

  private callWaiting(): void {
    const {waiting} = this;
    if (!waiting) return;
    this.waiting = undefined;
    for (const {isOver, callback} of waiting) this.when(isOver, callback);
  }

  /** The ops that the host lacks, and those that it has lost, in order. */
  private get notAtHost(): PendingOp[] {
    return [...(this.opsAwaitingReset ?? []), ...this.unsent];
  }

  /**
   * The state of the document's edits if the browser ended now. It includes edits of other tabs. If `status.unsaved`
   * is full, a document that is not listed has at best the state of the last one that is.
   * The event `saveState` reports changes.
   */
  get saveState(): SaveState {
    return this.connection.saveStates.of(this);
  }

  /** @internal */
  get ownSaveState(): Exclude<SaveState, 'refused'> {
    if (this.hasUnsent || this.opsAwaitingReset) return 'unsaved';
    if (!this.unsettled.length) return 'saved';
    const isStored = this.connection.status.durable && !this.unsettled.some(op => this.unconfirmed.has(op));
    return isStored ? 'local' : 'unsaved';
  }

  /**
   * Whether the document has ops without the server's answer that only their host can carry on: the host that they were made with, or sent
   * to. @internal
   */
  get hasOpsOfHost(): boolean {
    return this.unanswered.some(({seq}) => this.rev !== null || (seq ?? null) !== null);
  }

  /** The numbers of ops that the host lacks, and that the server has not answered. @internal */
  report(): TabReport['pending'][number] {
    return {collection: this.collection, id: this.id, unsent: this.notAtHost.length, unsettled: this.unsettled.length};
  }

  /** Whether the server has acknowledged all edits that are shown, those of other tabs included. @internal */
  get isAcknowledged(): boolean {
    return !this.isMixed && !this.hasWritePending();
  }

  override hasPending(): boolean {
    return this.unsettled.length > 0 || !!this.opsAwaitingReset || super.hasPending();
  }

  override hasWritePending(): boolean {
    return this.unsettled.length > 0 || super.hasWritePending();
  }

  /** As in the `@sharesync/sharedb` fork: gets the document if it is not loaded, from the store if it is there. */
  ensureDocHasData(callback?: Callback): Completion {
    return this.completing(callback, done => {
      if (this.version !== null) nextTick(() => done());
      else this.fetchStored(done);
    });
  }

  /**
   * As `ensureDocHasData`, but does not accept a state older than `minVersion`.
   * @param minVersion a version of ShareDB, or a value of the option `versionDecoder` for the document's data
   */
  ensureDocHasRecentData(minVersion: number | string | null, callback?: Callback): Completion {
    const isRecent = (): boolean => this.connection.isRecent(this, minVersion);
    return this.completing(callback, done => {
      if (isRecent()) return nextTick(() => done());
        if (this.version !== null) return this.fetchPlainly(done);
      this.fetchStored(error => {
        if (error || isRecent()) done(error);
        else this.fetchPlainly(done);
      });
    });
  }

  private fetchStored(done: Callback): void {
    this.storedWillDo = true;
    this.fetchPlainly(done);
    this.storedWillDo = false;
  }

  /** @internal */
  override _emitNothingPending(): void {
    this.callWaiting();
    super._emitNothingPending();
  }

  override pause(): void {
    // Only an app that pauses the document can see whether the next op waits for the server's answer to the last one.
    if (this.connection.canSend) this.wasPaused = true;
    super.pause();
  }

  /**
   * ShareDB requests a tick for each submitted op, which takes most of the call's time in a browser. If a tick is scheduled already, this
   * method throws before ShareDB requests another one. @internal
   */
  override _otApply(op: object, source: unknown): void {
    super._otApply(op, source);
    if (!source) return;
    if (this.willFlush || (this.isHeldBack && this.mayStillGrow)) throw WILL_FLUSH;
    this.willFlush = true;
  }

  /** @internal */
  override _pushOp(op: PendingOp, source: unknown, callback: Callback | undefined): void {
    // The app uses the document again, as ShareDB allows.
    this.isDestroyed = false;
    if (this.rev === null) this.positionOnShown();
    this.connection.frames?.noteUnsent(this);
    if ('op' in op) op.undo = this.undoHook?.markOf(source);
    withFastType(this, () => super._pushOp(op, source, callback));
  }

  /** Two ops that undo treats as two are not composed. @internal */
  override _tryCompose(op: PendingOp): PendingOp | undefined {
    const last = this.pendingOps.at(-1);
    if (last && (last.was || !canBeOne(last.undo, op.undo))) return undefined;
    const composed = super._tryCompose(op);
    if (composed?.undo) composed.undo = {...composed.undo, ops: composed.undo.ops + op.undo!.ops};
    return composed;
  }

  /** @internal */
  override _popApplyStack(to: number): void {
    withFastType(this, () => super._popApplyStack(to));
  }

  override flush(): void {
    this.willFlush = false;
    this.connection.saveStates.noteEdit(this);
    if (this.isDestroyed || this.opsAwaitingReset || this.unconfirmed.isReturning) return;
    if (this.wasPaused && this.unsettled.length) return;
    // The host needs an ingested state only when there is an op to send.
    if (this.ingestedSnapshot && (this.paused || !this.pendingOps.length)) return;
    if (this.rev === null && this.version !== null && (this.type || this.ingestedSnapshot)) return this.findRevision();
    if (!this.pendingOps.length) return;
    if (this.mayStillGrow) return this.flushLater();
    const {inflightOp} = this;
    super.flush();
    if (this.inflightOp && !inflightOp) this.flushedAt = this.connection.clock.now();
  }

  /** Whether the next op can wait for ops that may be composed with it. */
  private get mayStillGrow(): boolean {
    const {connection, unsettled, pendingOps, flushedAt} = this;
    const since = connection.clock.now() - flushedAt;
    // If the clock was set back, the time since the last op is unknown.
    return unsettled.length > 0 && pendingOps.length === 1 && !this.preventCompose && connection.state === 'connected' && since >= 0 && since < FRAME_MS;
  }

  private flushLater(): void {
    if (this.isHeldBack) return;
    this.isHeldBack = true;
    this.connection.clock.after(FRAME_MS, () => {
      this.isHeldBack = false;
      this.flush();
    });
  }

  /** @internal */
  protected override ingest(snapshot: (IngestibleSnapshot & Partial<SnapshotData>) | null | undefined, callback: Callback): void {
    if (snapshot?.rev === undefined) {
      const before = this.version;
      // A listener may change the state.
      const ingested = snapshot && !this.type ? copyOf(snapshot) : undefined;
      super.ingest(snapshot as IngestibleSnapshot, callback);
      if (ingested && this.version !== before) this.positionOn(ingested);
      return;
    }
    // A state sent before this document started anew does not count: the new incarnation requests its own state.
    if (snapshot.inc !== undefined && !this.isCurrent(snapshot.inc)) {
      if (this.rev === null) return void this.fetchPlainly(callback);
      return callback();
    }
    if (this.rev !== null && snapshot.rev <= this.rev) return callback();
    if (isUnknown(snapshot.type) && !this.hasUnsent) {
      // From the host's point of view this tab has the state.
      this.startAnew();
      // A document of a query's results that can't be shown is no error of the query.
      if (!('d' in snapshot)) return callback(missingType(this, snapshot.type!));
      this.emit('error', missingType(this, snapshot.type!));
      return callback();
    }
    // A creation of this tab is under way: it gets its place in the history, or is refused.
    if (this.hasUnsent && this.rev === null && this.version === null) {
      this.once('no write pending', () => callback());
      return;
    }
    if (!this.hasUnsent) this.load(snapshot as SnapshotData);
    // The ops were made on a state from which the host can't continue.
    else if (!this.continueFrom(snapshot as SnapshotData)) this.loseUnsent();
    callback();
  }

  /** The first op on a state of an earlier host is about to be made. This host gets the state, so that it can place the op. */
  private positionOnShown(): void {
    const {type, version: v, data} = this;
    if (!type || v === null || this.ingestedSnapshot || !this.isAcknowledged) return;
    this.positionOn({...copyOf({v, type: type.uri!, data: type.serialize ? type.serialize(data) : data}), fromHost: true});
  }

  /** Sends the host a state that came from elsewhere, before the ops made on it. */
  private positionOn(snapshot: SnapshotData): void {
    const isAsked = this.inflightFetch.length > 0 || !!this.inflightSubscribe?.wantSubscribe;
    const isFollowed = this.rev !== null && this.wantSubscribe;
    // Requests that are under way do not contain the state.
    this.startAnew();
    this.ingestedSnapshot = snapshot;
    // Documents of a bulk request make their own requests at its end.
    if ((isAsked || isFollowed) && this.connection.canSend && !this.connection.bulk) this.askRevision();
  }

  /** Handles one step of the host's history, or the host's refusal of an op. @internal */
  override _handleOp(error: Error | null, message: OpMessage): void {
    // The document was fetched anew or rolled back since this was sent.
    if (!this.isCurrent(message.inc)) return;
    if (error) {
      const op = this.inflightOp;
      if (op?.seq === message.seq && op.was) this.loseUnsent(error);
      else if (!op || op.seq === message.seq) super._handleOp(error, message);
      return;
    }
    if (message.own) return this.sequenced(message);
    if (this.rev === null || message.rev <= this.rev) return;
    if (message.rev !== this.rev + 1) return this.connection.resynchronize(`revision ${message.rev} after ${this.rev}`);
    const isEmpty = !('op' in message || message.create || message.del || message.load);
    if (isUnknown(message.create?.type)) return this.loseState(message.create!.type);
    this.noteUnconfirmed(isEmpty ? undefined : unconfirmedOpOf(message));
    this.rev = message.rev;
    // An op of a tab does not change the version.
    this.isMixed = !message.clean && (this.isMixed || message.v === this.version);
    if (message.load) return this.replaceBy(message.load);
    if (isEmpty) {
      this.version = message.v;
      return;
    }
    // ShareDB increments the version, and expects the message's version to be the one before.
    const {rev, v} = message;
    this.version = message.v = (v ?? 0) - 1;
    // The step as it is in the history. ShareDB transforms the message over the unsent ops.
    this.connection.entry = {...message};
    // The host checks what the other database has left of them.
    if (message.replaces) for (const op of this.unsent) op.was ??= op.op;
    super._handleOp(null, message);
    this.connection.entry = undefined;
    if (v === null && this.rev === rev) this.version = null;
  }

  /**
   * Everything up to this batch is durable.
   * @returns whether nothing is left to confirm @internal
   */
  confirm(batch: number): boolean {
    return this.unconfirmed.confirm(batch);
  }

  /**
   * Returns to the last revision that every host knows. The steps that this tab replays, and its later ops, lead from there to the same
   * data. @internal
   */
  fallBack(): void {
    const {start} = this.unconfirmed;
    if (start === undefined || this.rev === null) return;
    const {tentative} = this;
    this.unsettled = this.unsettled.filter(op => !tentative.includes(op));
    this.pendingOps.unshift(...tentative);
    this.rev = start;
    this.unconfirmed.fallBack();
  }

  /** Notes a step before the revision changes: see {@link UnconfirmedSteps.add}. */
  private noteUnconfirmed(change?: UnconfirmedOp, op?: PendingOp): void {
    const batch = this.connection.noteRevision(this);
    if (batch === undefined) return;
    if (this.connection.hostIsDown) this.noteDown();
    else if (this.rev !== null) this.unconfirmed.add(batch, this.rev, change, op);
  }

  /** The host could not write the present step. Another host may have another history from here on. */
  private noteDown(): void {
    const {connection} = this;
    if (!connection.hostIsDown) return;
    const batch = connection.noteRevision(this);
    if (batch !== undefined) this.unconfirmed.begin(batch, connection.hostEpoch);
  }

  /** The host has the state or the steps that this tab has sent, and tells their position in its history. @internal */
  handlePositioned({inc, rev, entries = [], snapshot}: PositionedMessage): void {
    if (!this.isCurrent(inc) || (!this.unconfirmed.isReturning && (this.rev !== null || !this.ingestedSnapshot))) return;
    this.rev = rev;
    this.ingestedSnapshot = undefined;
    // No op is sent meanwhile: it would have a revision that is not the host's.
    for (const message of entries) this._handleOp(null, message as OpMessage);
    this.unconfirmed.clear();
    this.noteDown();
    if (snapshot) this.replaceBelow(snapshot);
    this.flush();
    this.callWaiting();
  }

  /**
   * The sent ops were made on a state from which the host no longer continues. By now this tab has the later steps: it sends one op, made
   * on the present state, and the others with the next one. @internal
   */
  handleResend({inc, seq}: {inc: number; seq: number}): void {
    if (!this.isCurrent(inc) || this.inflightOp?.seq !== seq) return;
    this.isBehind = true;
    this.pendingOps.unshift(this.inflightOp);
    this.inflightOp = null;
    this.flush();
  }

  /** The server has answered an op that has its place in the history. @internal */
  handleSettled({seqs, error, silent}: Pick<SettledMessage, 'seqs' | 'error' | 'silent'>): void {
    const ops = this.takeSettled(new Set(seqs));
    if (!ops.size) return;
    if (this.connection.hostIsDown) this.noteDown();
    else this.unconfirmed.confirmOps(ops);
    const outcome = error ? decodeError(error) : silent ? null : undefined;
    if (!error && !silent) this.savedAt = this.connection.clock.now();
    for (const op of ops) callEach(op, outcome);
    this.flush();
    this._emitNothingPending();
  }

  /** The server answers in order, except for ops without effect. */
  private takeSettled(seqs: Set<number>): Set<PendingOp> {
    const ops = new Set<PendingOp>();
    while (seqs.has(this.unsettled[0]?.seq as number)) ops.add(this.unsettled.shift()!);
    if (ops.size < seqs.size) {
      for (const op of this.unsettled) if (seqs.has(op.seq!)) ops.add(op);
      this.unsettled = this.unsettled.filter(op => !ops.has(op));
    }
    return ops;
  }

  /** The host has lost its state. So has this document, if that state contained ops of this tab. @internal */
  handleRollback(inc: number): void {
    if (!this.isCurrent(inc) || !this.hasWritePending()) return;
    const {unanswered: ops, madeAt} = this;
    this._isInHardRollback = true;
    this._setType(null);
    this.version = null;
    this.rev = null;
    this.unconfirmed.clear();
    this.opsAwaitingReset = ops;
    this.awaitingResetFrom = madeAt;
    this.unsettled = [];
    this.inflightOp = null;
    this.pendingOps = [];
  }

  /** The host's state is back, or another state that no steps lead to. @internal */
  handleReset({inc, snapshot, loadError, outcomes, unsettled = [], error}: ResetMessage): void {
    // Otherwise the document has started anew meanwhile. The outcomes of its ops are valid all the same.
    const isCurrent = this.isCurrent(inc);
    if (isCurrent && !this.opsAwaitingReset && this.hasWritePending()) this.handleRollback(inc);
    const {opsAwaitingReset: ops, madeAt} = this;
    this.opsAwaitingReset = undefined;
    if (isCurrent) {
      this._isInHardRollback = false;
      if (snapshot) this.replaceBy(snapshot);
      if (loadError) this.emit('error', withCode('ERR_HARD_ROLLBACK_FETCH_FAILED', `Hard rollback fetch failed: ${loadError.message}`));
    } else {
      for (const {seq, error} of outcomes) this.handleSettled({seqs: [seq], ...(error && {error})});
    }
    if (!ops) return;
    const failure = decodeError(error);
    const outcomeOf = (op: PendingOp): ResetMessage['outcomes'][number] | undefined => outcomes.find(({seq}) => seq === op.seq);
    const [kept, others] = partition(ops, op => !outcomeOf(op) && unsettled.includes(op.seq!));
    this.unsettled.unshift(...kept);
    const lost = others.filter(op => !outcomeOf(op));
    this.connection.reportLost(this, lost, error, lost[0] === ops[0] && lost.at(-1) === ops[lost.length - 1] ? madeAt : undefined);
    for (const op of others) {
      const outcome = outcomeOf(op);
      callEach(op, outcome ? outcome.error && sameAs(failure, outcome.error) : failure);
    }
    // After a complete rollback, ShareDB emits the error before it emits that nothing is pending.
    this.emitUncaught();
    this.flush();
    this._emitNothingPending();
  }

  /** ShareDB's rollback of a state that can't be kept. The next state is another incarnation. @internal */
  override _hardRollback(error: Error): void {
    if (error === WILL_FLUSH) return;
    this.noteHardRollback();
    for (const op of this.unsent) Completion.muteTogether(op.callbacks);
    this.startAnew();
    super._hardRollback(error);
  }

  /** The connection to the host, or the host's connection to the server, has changed. @internal */
  override _onConnectionStateChanged(): void {
    const {canSend, state} = this.connection;
    if (!canSend) {
      this.callWaiting();
      return super._onConnectionStateChanged();
    }
    if (state === 'connected') return super._onConnectionStateChanged();
    // The host still accepts ops and requests, but no messages come from the server.
    if (state !== 'connecting' && !isLocal(this.collection)) this.subscribed = false;
  }

  /** There is a host: waiting ops and requests are sent. @internal */
  handleLinked(): void {
    this.flush();
    if (!this.isDestroyed) this._resubscribe();
    this.callWaiting();
  }

  /** The server refuses to give the document: its content is no longer shown. @internal */
  handleRefused({inc, error, silent}: RefusedMessage): void {
    if (!this.isCurrent(inc)) return;
    const failure = decodeError(error);
    const {unanswered: ops, madeAt, type, data} = this;
    this.opsAwaitingReset = undefined;
    this.unsettled = [];
    this.inflightOp = null;
    this.pendingOps = [];
    this.startAnew();
    this.version = null;
    this._setType(null);
    if (ops.length) this.connection.reportLost(this, ops, error, madeAt);
    for (const op of ops) callEach(op, failure);
    if (type) this.emit('del', data, false);
    if (!silent && error.code !== 'ERR_SNAPSHOT_READ_SILENT_REJECTION') this.emit('error', failure);
    this._emitNothingPending();
  }

  /** @internal */
  handleLost(inc: number): void {
    if (!this.isCurrent(inc)) return;
    this.handleHostReplaced();
    this.handleLinked();
  }

  /**
   * Another host took over, without this document's history. The data stay until the document is loaded again. Ops that only the lost host
   * had are lost. @internal
   */
  handleHostReplaced(): void {
    if (this.rev === null && !this.unsettled.length && !this.opsAwaitingReset) return;
    if (!this.opsAwaitingReset && this.unanswered[0]?.create && this.createAnew()) return;
    const {unanswered: ops, madeAt} = this;
    // The host's reset will not arrive. For a rollback of the document itself, ShareDB emits its end.
    if (this.opsAwaitingReset) this._isInHardRollback = false;
    this.opsAwaitingReset = undefined;
    this.unsettled = [];
    this.inflightOp = null;
    this.pendingOps = [];
    this.startAnew();
    if (!ops.length) return;
    // The lost ops are still shown.
    this.isMixed = true;
    const error = this.lostOp();
    this.connection.reportLost(this, ops, encodeError(error), madeAt);
    for (const op of ops) callEach(op, error);
    this._emitNothingPending();
    // A request of a destroyed document would take the name from a document that was opened since.
    if (this.wantSubscribe || this.isDestroyed) return;
    this.fetch();
  }

  /**
   * A creation, and this tab's ops on it, need no history: any host accepts them. The host does not know the ops that other tabs made on
   * it, so the tab shows the document without those.
   * @returns whether the ops can be made in this way
   */
  private createAnew(): boolean {
    const {unanswered, type, data} = this;
    let own = data;
    try {
      const from = unanswered.findLastIndex(({create}) => create);
      const made = unanswered[from]!.create!.data;
      if (type) own = unanswered.slice(from + 1).reduce((made, {op}) => type.apply(made, op), type.createDeserialized?.(made) ?? this.deserialized(type.create(made))) as Data;
    } catch {
      return false;
    }
    this.pendingOps = unanswered;
    this.unsettled = [];
    this.inflightOp = null;
    this.version = null;
    this.startAnew();
    if (!isSame(own, data)) {
      this._setData(own);
      this.emit('load');
    }
    return true;
  }

  /** Whether this document, and not an earlier one of its name, has made a request, in any incarnation. @internal */
  hasAsked(inc: number | undefined): boolean {
    return !inc || inc >= this.firstInc;
  }

  private isCurrent(inc: number): boolean {
    return inc === this.inc || (inc === 0 && !this.hadState);
  }

  private startAnew(): void {
    this.inc = this.connection.nextIncarnation();
    this.hadState = true;
    this.rev = null;
    this.unconfirmed.startAnew(this.unsettled, this.connection.hostEpoch);
    this.ingestedSnapshot = undefined;
  }

  /** The host has given this tab's op its place: the data equal the history there. */
  private sequenced(message: OpMessage): void {
    if (this.rev !== null && message.rev <= this.rev) return;
    // After a lost connection, ShareDB has moved the op back to the pending ops.
    const op = this.inflightOp?.seq === message.seq ? this.inflightOp
      : this.pendingOps[0]?.seq === message.seq ? this.pendingOps.shift() : undefined;
    if (!op) {
      this.rev = message.rev;
      return;
    }
    this.isBehind = false;
    if (op === this.inflightOp) this.inflightOp = this.run-- > 0 ? this.pendingOps.shift()! : null;
    this.noteUnconfirmed({src: message.src, seq: message.seq, ...markedStepOf(op)}, op);
    this.rev = message.rev;
    this.ingestedSnapshot = undefined;
    this.version = message.v;
    this.unsettled.push(op);
    this.undoHook?.onSequenced(op);
    this.flush();
    this.callWaiting();
  }

  private load({v, type, data, rev, isMixed = false}: SnapshotData): void {
    if (isUnknown(type)) return this.loseState(type!);
    this.isMixed = isMixed;
    this.rev = rev ?? null;
    this.unconfirmed.clear();
    this.noteDown();
    this.ingestedSnapshot = undefined;
    this.version = v;
    this._setType(type);
    this._setData(this.deserialized(data));
    this.emit('load');
    this.callWaiting();
  }

  /** The host has changed to a type that this page does not know. */
  private loseState(type: string): void {
    this.startAnew();
    this.version = null;
    this._setType(null);
    this.emit('error', missingType(this, type));
  }

  private deserialized(data: unknown): Data {
    return (this.type?.deserialize ? this.type.deserialize(data) : data) as Data;
  }

  /** Another state, from outside: a deletion if the document does not exist there, otherwise a load. */
  private replaceBy(snapshot: SnapshotData): void {
    if (this.hasUnsent) {
      this.rev = null;
      return this._hardRollback(withCode('ERR_DOC_ALREADY_CREATED', 'Document already created'));
    }
    const oldData = this.data;
    if (!this.type || snapshot.type) return this.load(snapshot);
    this.unconfirmed.clear();
    this.noteDown();
    this.rev = snapshot.rev ?? null;
    this.version = snapshot.v;
    this._setType(null);
    this.emit('del', oldData, false);
  }

  /** Replaces the state, which other steps have led to, by the host's. The unsent ops are made on it. */
  private replaceBelow({data}: SnapshotData): void {
    const {type, unsent} = this;
    // Behind a creation or a deletion, nothing of the state is shown.
    if (!type || unsent.some(op => !('op' in op))) return;
    try {
      this._setData(unsent.reduce((made, {op}) => type.apply(made, op), this.deserialized(data)));
    } catch (error) {
      return this._hardRollback(error as Error);
    }
    this.emit('load');
  }

  /**
   * Continues from the state of a host without this document's history, if the unsent ops lead from it to the present data: then they were
   * made on the same content.
   * @returns whether they do
   */
  private continueFrom({v, type, data, rev, isMixed = false}: SnapshotData): boolean {
    const {type: mine, unsent} = this;
    if (!mine || mine.uri !== type || this.unsettled.length || unsent.some(op => !('op' in op))) return false;
    try {
      if (!isSame(unsent.reduce((made, {op}) => mine.apply(made, op), this.deserialized(data)), this.data)) return false;
    } catch {
      return false;
    }
    this.isMixed = isMixed;
    this.rev = rev ?? null;
    this.version = v;
    this.ingestedSnapshot = undefined;
    this.unconfirmed.clear();
    this.noteDown();
    this.flush();
    this.callWaiting();
    return true;
  }

  private loseUnsent(error: Error = this.lostOp()): void {
    this.connection.reportLost(this, this.unsent, encodeError(error), this.unsettled.length ? undefined : this.madeAt);
    this._hardRollback(error);
  }

  private lostOp(): TabsError {
    return new TabsError('ERR_TABS_OP_LOST', `The host does not know what the op was made on. ${this.collection}.${this.id}`);
  }

  /** Requests the revision of a state that came from elsewhere, so that ops can be made on it. */
  private findRevision(): void {
    if (this.connection.canSend && !this.inflightFetch.length) this.askRevision();
  }

  private askRevision(): void {
    this._fetch({force: true}, error => {
      if (error) this.connection.clock.after(RETRY_MS, () => this.flush());
      else this.flush();
    });
  }
}

/** A copy through JSON, because types change data in place. */
function copyOf({v, type, data}: IngestibleSnapshot): SnapshotData {
  return JSON.parse(JSON.stringify({v, type, data})) as SnapshotData;
}

function unconfirmedOpOf({unwritten, v, src, seq, op, undo}: EntryMessage): UnconfirmedOp {
  return {...(!unwritten && {v: v! - 1}), src, seq, op, ...(undo && {undo})};
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter(one => !isFirst(one))];
}

function callEach(op: PendingOp, error: Error | null | undefined): void {
  if (error) Completion.muteTogether(op.callbacks);
  for (const callback of op.callbacks) callback?.(error);
}

/** One error object for all ops that it concerns, so that one `error` event reports it. */
function sameAs(known: CodedError, {code, message}: ErrorData): CodedError {
  return known.code === code && known.message === message ? known : decodeError({code, message});
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}
