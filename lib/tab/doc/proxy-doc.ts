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

/** While ops of a document wait for the server, those that can be composed leave once in so many ms: no screen shows more. */
const FRAME_MS = 16;
/** Where the server refuses to tell of a document, it is asked again after so long, in ms. */
const RETRY_MS = 1000;

/** Thrown into upstream's `_submit`, when the op is applied and all that is left to do is done. */
const WILL_FLUSH = new Error();

/** The error of an op that the host would not take, or of one that the server rejected. */
type OpMessage = EntryMessage & {seq: number};

/**
 * A `Doc` of a tab. Optimistic apply, composing, transforming and events are upstream's; what is added
 * is the second hop: an op goes to the host first, which gives it its place in the document's history,
 * and is settled when the server has answered.
 */
export class ProxyDoc<Data = any> extends CallableDoc<Data> {
  /** The connection that it belongs to. */
  declare readonly connection: ProxyConnection;
  /** The revision of the host's history that the document shows, null when it shows none. @internal */
  rev: number | null = null;
  private readonly unconfirmed = new UnconfirmedSteps();
  /** Counts the tab's starts from nothing; what belongs to an earlier start is not for this one. */
  private inc: number;
  private again: boolean;
  /** The first one of this document: answers with a lower number are for an earlier document of this name. */
  private readonly firstInc: number;
  /** How many of the pending ops went out with the one in flight. It counts for as long as one is. */
  private run = 0;
  /** The last ops were made on a state that was too old for the host. */
  private isBehind = false;
  /** Ops that have their place in the history and wait for the server's answer. @internal */
  unsettled: PendingOp[] = [];
  /** What was ingested from elsewhere, for a host that has not loaded the document. */
  private ingestedSnapshot: SnapshotData | undefined;
  /** @internal */
  opsAwaitingReset: PendingOp[] | undefined;
  /** The version that those were made on, where it is known. */
  private awaitingResetFrom: number | undefined;
  /** What is shown may have ops of other tabs in it that the server has not acknowledged. */
  private isMixed = false;
  /** @internal */
  wasPaused = false;
  private isHeldBack = false;
  /** A tick is on its way that flushes. */
  private willFlush = false;
  /** When the last op was sent to the host, in ms since the epoch. @internal */
  flushedAt = 0;
  /** The request that is being made is content with the stored state. */
  private storedWillDo = false;
  /** The app has let go of it: of itself, it sends nothing any more. @internal */
  isDestroyed = false;
  private waiting: {isOver: () => boolean; callback: () => void}[] | undefined;
  /** @internal */
  undoHook: UndoHook<PendingOp> | undefined = undefined;
  /** When the server last acknowledged an edit of this tab, in ms since the epoch. */
  savedAt: number | undefined;

  constructor(connection: ProxyConnection, collection: string, id: string) {
    super(connection, collection, id);
    this.inc = this.firstInc = connection.nextIncarnation();
    this.again = connection.wasDestroyed(collection, id);
  }

  /** Where this document stands in the host's history. @internal */
  get position(): Position {
    const {inc, rev, again, ingestedSnapshot: seed} = this;
    const stored = this.storedWillDo || this.connection.storedFirst;
    if (!again && !seed && !stored) return {inc, rev};
    return {inc, rev, ...(again && {again}), ...(seed && rev === null && {seed}), ...(stored && {stored})};
  }

  /** The seqs of the ops that the server has not answered to, as far as this tab knows. @internal */
  get unansweredSeqs(): number[] {
    return this.unanswered.flatMap(({seq}) => (seq === undefined || seq === null ? [] : [seq]));
  }

  /** The ops that the server has not answered to, in order. @internal */
  get unanswered(): PendingOp[] {
    return [...(this.opsAwaitingReset ?? []), ...this.unsettled, ...this.unsent];
  }

  /** A host has lost its state, and has not said yet what became of this tab's ops. @internal */
  get awaitsReset(): boolean {
    return !!this.opsAwaitingReset;
  }

  /** The ops that the host has not confirmed. @internal */
  orphanedOps(): OrphanedOpsMessage['docs'][number] | undefined {
    const {unconfirmed, unsettled} = this;
    const waiting = [...this.tentative, ...this.unsent];
    if (!waiting.length && !unsettled.some(op => unconfirmed.has(op))) return undefined;
    const rev = unconfirmed.start ?? this.rev;
    return {
      c: this.collection, d: this.id, rev, ops: waiting.map(op => this.identify(op)), ahead: unconfirmed.ahead, ...this.onlyHost,
      v: waiting[0] === this.unanswered[0] ? this.madeAt : undefined
    };
  }

  /** What another host needs to know to go on from where this tab stands. @internal */
  get unconfirmedOps(): {ahead?: UnconfirmedOp[]} {
    const {ahead} = this.unconfirmed;
    return ahead.length ? {ahead} : {};
  }

  /** Where no other host than this one is sure to know the revision. @internal */
  get onlyHost(): {onlyHost?: string} {
    const {onlyHost} = this.unconfirmed;
    return onlyHost === undefined ? {} : {onlyHost};
  }

  /** A host goes on, perhaps the same one. @returns whether there is something for it to confirm @internal */
  resumeUnconfirmed(): boolean {
    this.unconfirmed.resume(this.connection.hostEpoch);
    return this.unconfirmed.onlyHost !== undefined;
  }

  /** The server's version that the first unanswered op was made on, where it is known. */
  private get madeAt(): number | undefined {
    if (this.opsAwaitingReset) return this.awaitingResetFrom;
    return this.isMixed ? undefined : this.version ?? undefined;
  }

  private get tentative(): PendingOp[] {
    return this.unconfirmed.tentative.filter(op => this.unsettled.includes(op));
  }

  /**
   * The ops that go out with the one in flight, to wait for no round trip each. Who pauses sees which ops have left, and
   * finds one, as upstream has it.
   * @internal
   */
  takeRun(): SentOp[] {
    const ops = this.wasPaused || this.isBehind ? [] : this.pendingOps.slice(0, MAX_RUN - 1);
    this.run = ops.length;
    return ops.map(op => this.identify(op));
  }

  /** The op with the identity under which it is sent: nothing is composed into it from now on. */
  private identify(op: PendingOp): SentOp {
    op.src ??= this.connection.id!;
    op.seq ??= this.connection.seq++;
    op.sentAt ??= Date.now();
    return {seq: op.seq, step: markedStepOf(op), x: submitOptions(this, op)};
  }

  /** Those of ops that the server has not acknowledged. @internal */
  get opCalls(): OpenCall[] {
    return this.unanswered.flatMap(({callbacks}) => Completion.callsOf(callbacks));
  }

  /** Whether there is nothing that the host has not got yet. @internal */
  get hasUnsent(): boolean {
    return !!this.inflightOp || this.pendingOps.length > 0;
  }

  /** The ops that the host has not got yet, in order. @internal */
  get unsent(): PendingOp[] {
    return this.inflightOp ? [this.inflightOp, ...this.pendingOps] : this.pendingOps;
  }

  /** Whether the document waits for a state from the host. @internal */
  get isLoading(): boolean {
    return !!this.opsAwaitingReset || this.inflightFetch.length > 0 || !!this.inflightSubscribe;
  }

  /** Calls back, never synchronously, when the host has all ops of this document. @internal */
  whenNothingUnsent(callback: () => void): void {
    nextTick(() => this.when(() => !this.hasUnsent && !this.isLoading, callback));
  }

  /** Calls back when the host has the ops that there are by now, or is lost. @internal */
  whenHandedOver(callback: () => void): void {
    const ops = new Set(this.notAtHost);
    this.when(() => !this.connection.canSend || !this.notAtHost.some(op => ops.has(op)), callback);
  }

  /** The revision that the data is of, where the host knows it and has all ops of this tab. @internal */
  get settledRevision(): number | undefined {
    const isMoving = this.hasUnsent || !!this.opsAwaitingReset || this.unconfirmed.isReturning || !this.connection.canSend;
    return isMoving ? undefined : this.rev ?? undefined;
  }

  /** Calls back when there is one. @internal */
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

  /** The ops that the host has not got, with those that it lost, in order. */
  private get notAtHost(): PendingOp[] {
    return [...(this.opsAwaitingReset ?? []), ...this.unsent];
  }

  /**
   * What would become of the document's edits if the browser ended now. Also with edits of other tabs, as far as `status.unsaved`
   * tells of them. Event `saveState`.
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

  /** Whether it has ops without an answer of the server that only the host they were made with, or sent to, can carry on. @internal */
  get hasOpsOfHost(): boolean {
    return this.unanswered.some(({seq}) => this.rev !== null || (seq ?? null) !== null);
  }

  /** How many of its ops the host, and how many the server has not answered to. @internal */
  report(): TabReport['pending'][number] {
    return {collection: this.collection, id: this.id, unsent: this.notAtHost.length, unsettled: this.unsettled.length};
  }

  /** Whether the server has acknowledged all that is shown, also what other tabs have made. @internal */
  get isAcknowledged(): boolean {
    return !this.isMixed && !this.hasWritePending();
  }

  override hasPending(): boolean {
    return this.unsettled.length > 0 || !!this.opsAwaitingReset || super.hasPending();
  }

  override hasWritePending(): boolean {
    return this.unsettled.length > 0 || super.hasWritePending();
  }

  /** As in the `@sharesync/sharedb` fork: gets the document, from the store if it is there, unless it is loaded. */
  ensureDocHasData(callback?: Callback): Completion {
    return this.completing(callback, done => {
      if (this.version !== null) nextTick(() => done());
      else this.fetchStored(done);
    });
  }

  /**
   * The same, but what is older than `minVersion` will not do.
   * @param minVersion a version of ShareDB, or what the option `versionDecoder` gives for the document's data
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
    // Only who pauses sees whether the next op waits for the server's answer to the last.
    if (this.connection.canSend) this.wasPaused = true;
    super.pause();
  }

  /**
   * Upstream asks for a tick for each op that is submitted, which takes most of the call's time in a browser. Where one is on its
   * way already, its request is not reached.
   * @internal
   */
  override _otApply(op: object, source: unknown): void {
    super._otApply(op, source);
    if (!source) return;
    if (this.willFlush || (this.isHeldBack && this.mayStillGrow)) throw WILL_FLUSH;
    this.willFlush = true;
  }

  /** @internal */
  override _pushOp(op: PendingOp, source: unknown, callback: Callback | undefined): void {
    // It is the app that brings it back, as upstream lets it.
    this.isDestroyed = false;
    if (this.rev === null) this.positionOnShown();
    this.connection.frames?.noteUnsent(this);
    if ('op' in op) op.undo = this.undoHook?.markOf(source);
    withFastType(this, () => super._pushOp(op, source, callback));
  }

  /** What undo knows as two ops stays two ops. @internal */
  override _tryCompose(op: PendingOp): PendingOp | undefined {
    const last = this.pendingOps.at(-1);
    if (last && !canBeOne(last.undo, op.undo)) return undefined;
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
    // What was ingested is nobody's concern until there is something to send.
    if (this.ingestedSnapshot && (this.paused || !this.pendingOps.length)) return;
    if (this.rev === null && this.version !== null && (this.type || this.ingestedSnapshot)) return this.findRevision();
    if (!this.pendingOps.length) return;
    if (this.mayStillGrow) return this.flushLater();
    const {inflightOp} = this;
    super.flush();
    if (this.inflightOp && !inflightOp) this.flushedAt = this.connection.clock.now();
  }

  /** Whether the next op can wait for what may be composed with it. */
  private get mayStillGrow(): boolean {
    const {connection, unsettled, pendingOps, flushedAt} = this;
    const since = connection.clock.now() - flushedAt;
    // A clock that was set back does not say when it was.
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
      // Whoever hears of it may change it.
      const seed = snapshot && !this.type ? copyOf(snapshot) : undefined;
      super.ingest(snapshot as IngestibleSnapshot, callback);
      if (seed && this.version !== before) this.positionOn(seed);
      return;
    }
    // What was sent before this document started anew tells nothing: the new start asks for its own state.
    if (snapshot.inc !== undefined && !this.isCurrent(snapshot.inc)) {
      if (this.rev === null) return void this.fetchPlainly(callback);
      return callback();
    }
    if (this.rev !== null && snapshot.rev <= this.rev) return callback();
    if (isUnknown(snapshot.type) && !this.hasUnsent) {
      // For the host, this one has it.
      this.startAnew();
      // Of a query's results, one that can't be had is no error of the query.
      if (!('d' in snapshot)) return callback(missingType(this, snapshot.type!));
      this.emit('error', missingType(this, snapshot.type!));
      return callback();
    }
    // A create of our own is under way: it finds its place in the history, or is refused.
    if (this.hasUnsent && this.rev === null && this.version === null) {
      this.once('no write pending', () => callback());
      return;
    }
    if (!this.hasUnsent) this.load(snapshot as SnapshotData);
    // Ops were made on a state that the host can't lead on from.
    else if (!this.continueFrom(snapshot as SnapshotData)) this.loseUnsent();
    callback();
  }

  /** The first op on a state of an earlier host is about to be made: this host gets the state, so that it can place the op on it. */
  private positionOnShown(): void {
    const {type, version: v, data} = this;
    if (!type || v === null || this.ingestedSnapshot || !this.isAcknowledged) return;
    this.positionOn({...copyOf({v, type: type.uri!, data: type.serialize ? type.serialize(data) : data}), fromHost: true});
  }

  /** A state of the server's that came from elsewhere: the host is told of it before anything that is made on it. */
  private positionOn(seed: SnapshotData): void {
    const isAsked = this.inflightFetch.length > 0 || !!this.inflightSubscribe?.wantSubscribe;
    const isFollowed = this.rev !== null && this.wantSubscribe;
    // What is under way knows nothing of it.
    this.startAnew();
    this.ingestedSnapshot = seed;
    // What waits for the end of a bulk asks for it then.
    if ((isAsked || isFollowed) && this.connection.canSend && !this.connection.bulk) this.askRevision();
  }

  /** One step of the host's history, or the host's refusal of an op. @internal */
  override _handleOp(error: Error | null, message: OpMessage): void {
    // Fetched anew, or rolled back, since this was sent.
    if (!this.isCurrent(message.inc)) return;
    if (error) {
      if (!this.inflightOp || this.inflightOp.seq === message.seq) super._handleOp(error, message);
      return;
    }
    if (message.own) return this.sequenced(message);
    if (this.rev === null || message.rev <= this.rev) return;
    if (message.rev !== this.rev + 1) return this.connection.resynchronize(`revision ${message.rev} after ${this.rev}`);
    const isEmpty = !('op' in message || message.create || message.del || message.load);
    if (isUnknown(message.create?.type)) return this.loseState(message.create!.type);
    this.noteUnconfirmed(isEmpty ? undefined : unconfirmedOpOf(message));
    this.rev = message.rev;
    // An op of a tab leaves the version as it is.
    this.isMixed = !message.clean && (this.isMixed || message.v === this.version);
    if (message.load) return this.replaceBy(message.load);
    if (isEmpty) {
      this.version = message.v;
      return;
    }
    // Upstream counts the version up and wants the message's to be the one before.
    const {rev, v} = message;
    this.version = message.v = (v ?? 0) - 1;
    // As it is in the history: upstream transforms the message over what is unsent.
    this.connection.entry = {...message};
    super._handleOp(null, message);
    this.connection.entry = undefined;
    if (v === null && this.rev === rev) this.version = null;
  }

  /** What came up to this batch is durable by now. @returns whether that is all @internal */
  confirm(batch: number): boolean {
    return this.unconfirmed.confirm(batch);
  }

  /**
   * Goes back to the last revision that every host knows. With what this tab replays, and its later ops, the data is the
   * same there.
   * @internal
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

  /** Takes notice of a step that has just been told, before the revision moves on: see {@link UnconfirmedSteps.add}. */
  private noteUnconfirmed(ahead?: UnconfirmedOp, op?: PendingOp): void {
    const batch = this.connection.noteRevision(this);
    if (batch === undefined) return;
    if (this.connection.hostIsDown) this.noteDown();
    else if (this.rev !== null) this.unconfirmed.add(batch, this.rev, ahead, op);
  }

  /** What is being told, the host could not write: another one may have another history from here on. */
  private noteDown(): void {
    const {connection} = this;
    if (!connection.hostIsDown) return;
    const batch = connection.noteRevision(this);
    if (batch !== undefined) this.unconfirmed.begin(batch, connection.hostEpoch);
  }

  /** The host has what was ingested here, or replayed, and knows how it goes on from there. @internal */
  handlePositioned({inc, rev, way = [], snapshot}: PositionedMessage): void {
    if (!this.isCurrent(inc) || (!this.unconfirmed.isReturning && (this.rev !== null || !this.ingestedSnapshot))) return;
    this.rev = rev;
    this.ingestedSnapshot = undefined;
    // Nothing is sent meanwhile: it would be made on a revision that is not the host's.
    for (const message of way) this._handleOp(null, message as OpMessage);
    this.unconfirmed.clear();
    this.noteDown();
    if (snapshot) this.replaceBelow(snapshot);
    this.flush();
    this.callWaiting();
  }

  /**
   * What was sent was made on a state that the host does not lead on from any more. By now this tab has what has happened since:
   * it sends one op, on where it stands, and the others with the next one.
   * @internal
   */
  handleAgain({inc, seq}: {inc: number; seq: number}): void {
    if (!this.isCurrent(inc) || this.inflightOp?.seq !== seq) return;
    this.isBehind = true;
    this.pendingOps.unshift(this.inflightOp);
    this.inflightOp = null;
    this.flush();
  }

  /** The server has answered to an op that has its place in the history. @internal */
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

  /** The server answers in order, but for ops that changed nothing. */
  private takeSettled(seqs: Set<number>): Set<PendingOp> {
    const ops = new Set<PendingOp>();
    while (seqs.has(this.unsettled[0]?.seq as number)) ops.add(this.unsettled.shift()!);
    if (ops.size < seqs.size) {
      for (const op of this.unsettled) if (seqs.has(op.seq!)) ops.add(op);
      this.unsettled = this.unsettled.filter(op => !ops.has(op));
    }
    return ops;
  }

  /** The host lost its state: so did this document, if it has ops of its own in it. @internal */
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

  /** The host's state is back, or another one that there is no way to from the one shown. @internal */
  handleReset({inc, snapshot, loadError, outcomes, unsettled = [], error}: ResetMessage): void {
    // Else it has started anew by itself meanwhile. What became of its ops is true all the same.
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
    this.connection.giveUp(this, lost, error, lost[0] === ops[0] && lost.at(-1) === ops[lost.length - 1] ? madeAt : undefined);
    for (const op of others) {
      const outcome = outcomeOf(op);
      callEach(op, outcome ? outcome.error && sameAs(failure, outcome.error) : failure);
    }
    // After a rollback of everything, upstream tells of the error before it tells that nothing is pending.
    this.emitUncaught();
    this.flush();
    this._emitNothingPending();
  }

  /** Upstream's way out of a state that can't be kept; the next state is another incarnation. @internal */
  override _hardRollback(error: Error): void {
    if (error === WILL_FLUSH) return;
    this.noteHardRollback();
    for (const op of this.unsent) Completion.muteTogether(op.callbacks);
    this.startAnew();
    super._hardRollback(error);
  }

  /** The link to the host or the state of the host's connection changed. @internal */
  override _onConnectionStateChanged(): void {
    const {canSend, state} = this.connection;
    if (!canSend) {
      this.callWaiting();
      return super._onConnectionStateChanged();
    }
    if (state === 'connected') return super._onConnectionStateChanged();
    // The host still takes ops and requests, but nothing comes from the server.
    if (state !== 'connecting' && !isLocal(this.collection)) this.subscribed = false;
  }

  /** A host is there: what waited for one goes out. @internal */
  handleLinked(): void {
    this.flush();
    if (!this.isDestroyed) this._resubscribe();
    this.callWaiting();
  }

  /** The server does not let us have the document: nothing of it is shown any more. @internal */
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
    if (ops.length) this.connection.giveUp(this, ops, error, madeAt);
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
   * Another host took over, which knows nothing of this document's history. What is shown stays until
   * it is loaded again; ops that only the lost host knew are lost with it.
   * @internal
   */
  handleHostReplaced(): void {
    if (this.rev === null && !this.unsettled.length && !this.opsAwaitingReset) return;
    if (!this.opsAwaitingReset && this.unanswered[0]?.create && this.createAnew()) return;
    const {unanswered: ops, madeAt} = this;
    // Its end will not be told. Of a rollback of the document's own, upstream tells.
    if (this.opsAwaitingReset) this._isInHardRollback = false;
    this.opsAwaitingReset = undefined;
    this.unsettled = [];
    this.inflightOp = null;
    this.pendingOps = [];
    this.startAnew();
    if (!ops.length) return;
    // They are still shown.
    this.isMixed = true;
    const error = this.lostOp();
    this.connection.giveUp(this, ops, encodeError(error), madeAt);
    for (const op of ops) callEach(op, error);
    this._emitNothingPending();
    // A destroyed document that asks for something takes the name from the one that has been opened since.
    if (this.wantSubscribe || this.isDestroyed) return;
    this.fetch();
  }

  /**
   * A creation and what this tab made on it need no history: they go to whatever host there is. That host does not know what other
   * tabs made on it, so the tab shows the document without that.
   * @returns whether its ops can be made so
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

  /** Whether this document has asked, and not an earlier one of its name, from what incarnation ever. @internal */
  hasAsked(inc: number | undefined): boolean {
    return !inc || inc >= this.firstInc;
  }

  private isCurrent(inc: number): boolean {
    return inc === this.inc || (inc === 0 && !this.again);
  }

  private startAnew(): void {
    this.inc = this.connection.nextIncarnation();
    this.again = true;
    this.rev = null;
    this.unconfirmed.startAnew(this.unsettled, this.connection.hostEpoch);
    this.ingestedSnapshot = undefined;
  }

  /** The host has given an op of ours its place: what is shown is what the history has there. */
  private sequenced(message: OpMessage): void {
    if (this.rev !== null && message.rev <= this.rev) return;
    // After a lost link, upstream has put the op back to where it waits to be sent.
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

  /** The host goes on to a type that this page does not know. */
  private loseState(type: string): void {
    this.startAnew();
    this.version = null;
    this._setType(null);
    this.emit('error', missingType(this, type));
  }

  private deserialized(data: unknown): Data {
    return (this.type?.deserialize ? this.type.deserialize(data) : data) as Data;
  }

  /** Another state, from outside: a deletion where there is no document any more, else a load. */
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

  /** The host's state in place of the one that led to it by another way; the ops that it has not got are made on it. */
  private replaceBelow({data}: SnapshotData): void {
    const {type, unsent} = this;
    // Nothing of it can be seen behind these.
    if (!type || unsent.some(op => !('op' in op))) return;
    try {
      this._setData(unsent.reduce((made, {op}) => type.apply(made, op), this.deserialized(data)));
    } catch (error) {
      return this._hardRollback(error as Error);
    }
    this.emit('load');
  }

  /**
   * Goes on from the state of a host that knows nothing of this document's history, if the unsent ops lead from it to what is shown: they
   * were made on the same content. @returns whether they do
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

  private loseUnsent(): void {
    const error = this.lostOp();
    this.connection.giveUp(this, this.unsent, encodeError(error), this.unsettled.length ? undefined : this.madeAt);
    this._hardRollback(error);
  }

  private lostOp(): TabsError {
    return new TabsError('ERR_TABS_OP_LOST', `The host does not know what the op was made on. ${this.collection}.${this.id}`);
  }

  /** Asks for the revision of a state that came from elsewhere, so that ops can be made on it. */
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

/** As JSON has it: what a type makes of it, it makes in place. */
function copyOf({v, type, data}: IngestibleSnapshot): SnapshotData {
  return JSON.parse(JSON.stringify({v, type, data})) as SnapshotData;
}

function unconfirmedOpOf({early, v, src, seq, op, undo}: EntryMessage): UnconfirmedOp {
  return {...(!early && {v: v! - 1}), src, seq, op, ...(undo && {undo})};
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter(one => !isFirst(one))];
}

function callEach(op: PendingOp, error: Error | null | undefined): void {
  if (error) Completion.muteTogether(op.callbacks);
  for (const callback of op.callbacks) callback?.(error);
}

/** One error for all ops that it concerns: an `error` event tells of it once. */
function sameAs(known: CodedError, {code, message}: ErrorData): CodedError {
  return known.code === code && known.message === message ? known : decodeError({code, message});
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), {code});
}
