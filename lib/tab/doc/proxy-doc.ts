import type {TabReport} from '../../protocol/report.js';
import type {UnconfirmedOp, EntryMessage, Position, SnapshotData} from '../../protocol/messages.js';
import {isLocal} from '../../protocol/local.js';
import {withCode} from '../../protocol/errors.js';
import {canBeOne, type UndoHook} from '../../protocol/undo.js';
import {advance, notAtHostOf, unansweredOf, unsentOf} from '../../ot/tab-ops.js';
import {withFastType} from '../../ot/fast-json0.js';
import {nextTick} from '../../platform/next-tick.js';
import {Completion} from '../completion.js';
import type {OpenCall} from '../open-calls.js';
import {CallableDoc} from './callable-doc.js';
import type {OpMessage} from './doc-state.js';
import {noteUnconfirmed} from './hand-over.js';
import {loseState, replaceBy} from './host-snapshots.js';
import {copyOf, ingestFromHost, positionOn, positionOnShown} from './ingesting.js';
import {isUnknown} from './known-types.js';
import {loseUnsent} from './lose-unsent.js';
import {OpPacing} from './op-pacing.js';
import {handlePlaced} from './sent-ops.js';
import type {SaveState} from './save-states.js';
import {UnconfirmedSteps} from '../../ot/unconfirmed-steps.js';
import type {Callback, IngestibleSnapshot, PendingOp} from '../upstream.js';
import type {ProxyConnection} from '../proxy-connection.js';

/** Delay before a document's revision is requested again after an error, in ms. */
const RETRY_MS = 1000;

/** Thrown to leave ShareDB's `_submit` after the op is applied, if no tick has to be scheduled for the op. */
const WILL_FLUSH = new Error();

/**
 * A tab's `Doc`. ShareDB's code applies, composes and transforms ops and emits events. In addition, an op is sent to the host, which places
 * it in the document's history. The op is settled when the server has answered.
 */
export class ProxyDoc<Data = any> extends CallableDoc<Data> {
  /** The connection that the document belongs to. */
  declare readonly connection: ProxyConnection;
  /** @internal */
  rev: number | null = null;
  /** @internal */
  readonly unconfirmed = new UnconfirmedSteps<PendingOp>();
  /** The document's incarnation, which increases each time that the tab restarts it. A message for an earlier one is dropped. */
  private inc: number;
  private hadState: boolean;
  /** The document's first incarnation. A message with a lower number is for an earlier document of this name. */
  private readonly firstInc: number;
  /** @internal */
  run = 0;
  /** @internal */
  isBehind = false;
  /** @internal */
  unsettled: PendingOp[] = [];
  /** @internal */
  ingestedSnapshot: SnapshotData | undefined;
  /** @internal */
  opsAwaitingReset: PendingOp[] | undefined;
  /** @internal */
  awaitingResetFrom: number | undefined;
  /** @internal */
  isMixed = false;
  /** @internal */
  wasPaused = false;
  /** @internal */
  readonly pacing = new OpPacing(this);
  /** Whether the request that is being made accepts the stored state. */
  private acceptsStored = false;
  /** @internal */
  isDestroyed = false;
  private waiting: {isOver: () => boolean; callback: () => void}[] | undefined;
  /** @internal */
  undoHook: UndoHook<PendingOp> | undefined = undefined;
  /** When this tab was last notified that the server has acknowledged an edit, its own or another tab's, in ms since the epoch. */
  savedAt: number | undefined;

  /** Use `connection.get(collection, id)`, which returns one object for each document. */
  constructor(connection: ProxyConnection, collection: string, id: string) {
    super(connection, collection, id);
    this.inc = this.firstInc = connection.nextIncarnation();
    this.hadState = connection.destroyedDocs.has(collection, id);
  }

  /** The document's position in the host's history. @internal */
  get position(): Position {
    const {inc, rev, hadState, ingestedSnapshot} = this;
    const stored = this.acceptsStored || this.connection.storedFirst;
    if (!hadState && !ingestedSnapshot && !stored) return {inc, rev};
    return {inc, rev, ...(hadState && {hadState}), ...(ingestedSnapshot && rev === null && {ingestedSnapshot}), ...(stored && {stored})};
  }

  /** The ops that the server has not answered, in order. @internal */
  get unanswered(): PendingOp[] {
    return unansweredOf(this);
  }

  /** The open calls of ops that the server has not acknowledged. @internal */
  get opCalls(): OpenCall[] {
    return unansweredOf(this).flatMap(({callbacks}) => Completion.callsOf(callbacks));
  }

  /** Whether there are ops that the host has not placed. @internal */
  get hasUnsent(): boolean {
    return !!this.inflightOp || this.pendingOps.length > 0;
  }

  /** The ops that the host has not placed, in order. @internal */
  get unsent(): PendingOp[] {
    return unsentOf(this);
  }

  /** Whether the document awaits a state from the host. @internal */
  get isLoading(): boolean {
    return !!this.opsAwaitingReset || this.inflightFetch.length > 0 || !!this.inflightSubscribe;
  }

  /** Calls back when the host has all ops of this document, but never synchronously. @internal */
  whenNothingUnsent(callback: () => void): void {
    nextTick(() => this.when(() => !this.hasUnsent && !this.isLoading, callback));
  }

  /** Calls back when the host has the ops that exist now, or is lost. @internal */
  whenHandedOver(callback: () => void): void {
    const ops = new Set(notAtHostOf(this));
    this.when(() => !this.connection.canSend || !notAtHostOf(this).some(op => ops.has(op)), callback);
  }

  /** The revision of the data, if the host has it and has placed all ops of this tab. @internal */
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

  /** @internal */
  callWaiting(): void {
    const {waiting} = this;
    if (!waiting) return;
    this.waiting = undefined;
    for (const {isOver, callback} of waiting) this.when(isOver, callback);
  }

  /**
   * Whether the document's edits would survive if the browser ended now: see {@link SaveState}. It includes edits of other tabs. If
   * `status.unsaved` is full, a document that is not listed has at best the state of the last one in the list. The event `saveState`
   * reports changes.
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

  /** The numbers of ops that the host lacks, and that the server has not answered. @internal */
  report(): TabReport['pending'][number] {
    return {collection: this.collection, id: this.id, unsent: notAtHostOf(this).length, unsettled: this.unsettled.length};
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

  /** As in the `@sharesync/sharedb` fork: if the document is not loaded, gets it from the store, or from the server if it is not stored. */
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
      if (this.version !== null) return this.fetchUpstream(done);
      this.fetchStored(error => {
        if (error || isRecent()) done(error);
        else this.fetchUpstream(done);
      });
    });
  }

  private fetchStored(done: Callback): void {
    this.acceptsStored = true;
    this.fetchUpstream(done);
    this.acceptsStored = false;
  }

  /** @internal */
  override _emitNothingPending(): void {
    this.callWaiting();
    super._emitNothingPending();
  }

  override pause(): void {
    // Only an app that pauses the document can observe whether the next op waits for the server's answer to the last one.
    if (this.connection.canSend) this.wasPaused = true;
    super.pause();
  }

  /**
   * ShareDB schedules a tick for each submitted op, which takes most of the call's time in a browser. If a tick is scheduled already, this
   * method throws before ShareDB schedules another one. @internal
   */
  override _otApply(op: object, source: unknown): void {
    super._otApply(op, source);
    if (!source) return;
    if (!this.pacing.needsTick()) throw WILL_FLUSH;
  }

  /** @internal */
  override _pushOp(op: PendingOp, source: unknown, callback: Callback | undefined): void {
    // The app uses the destroyed document again, as ShareDB allows. The host may have released it, and with it this revision.
    if (this.isDestroyed && this.isAcknowledged) this.startAnew();
    this.isDestroyed = false;
    if (this.rev === null) positionOnShown(this);
    // ShareDB does this only when it sends the op. A document that is not in the connection would not be flushed when a host connects.
    this.connection._addDoc(this);
    this.connection.frames?.noteUnsent(this);
    if ('op' in op) op.undo = this.undoHook?.markOf(source);
    withFastType(this, () => super._pushOp(op, source, callback));
  }

  /** As upstream, but does not compose ops that belong to different undo steps. @internal */
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
    this.pacing.willFlush = false;
    this.connection.saveStates.noteEdit(this);
    if (this.isDestroyed || this.opsAwaitingReset || this.unconfirmed.isReturning) return;
    if (this.wasPaused && this.unsettled.length) return;
    // The host needs an ingested state only when there is an op to send.
    if (this.ingestedSnapshot && (this.paused || !this.pendingOps.length)) return;
    if (this.rev === null && this.version !== null && (this.type || this.ingestedSnapshot)) return this.findRevision();
    if (!this.pendingOps.length) return;
    if (this.pacing.holdBack()) return;
    const {inflightOp} = this;
    super.flush();
    if (this.inflightOp && !inflightOp) this.pacing.sentAt = this.connection.clock.now();
  }

  /** @internal */
  protected override ingest(snapshot: (IngestibleSnapshot & Partial<SnapshotData>) | null | undefined, callback: Callback): void {
    if (snapshot?.rev === undefined) {
      const before = this.version;
      // The copy is made first, because a listener may change the state.
      const ingested = snapshot && !this.type ? copyOf(snapshot) : undefined;
      super.ingest(snapshot as IngestibleSnapshot, callback);
      if (ingested && this.version !== before) positionOn(this, ingested);
      return;
    }
    ingestFromHost(this, snapshot as SnapshotData & {rev: number}, callback);
  }

  /** Handles one step of the host's history, or the host's refusal of an op. @internal */
  override _handleOp(error: Error | null, message: OpMessage): void {
    // The message is for an earlier incarnation.
    if (!this.isCurrent(message.inc)) return;
    if (error) {
      const op = this.inflightOp;
      if (op?.seq === message.seq && op.was) loseUnsent(this, error);
      else if (!op || op.seq === message.seq) super._handleOp(error, message);
      return;
    }
    if (message.own) return handlePlaced(this, message);
    if (this.rev === null || message.rev <= this.rev) return;
    if (message.rev !== this.rev + 1) return this.connection.hostClient.resynchronize(`revision ${message.rev} after ${this.rev}`);
    const isEmpty = !('op' in message || message.create || message.del || message.load);
    if (isUnknown(message.create?.type)) return loseState(this, message.create!.type);
    noteUnconfirmed(this, this.rev, isEmpty ? undefined : unconfirmedOpOf(message));
    advance(this, message);
    if (message.load) return replaceBy(this, message.load);
    if (isEmpty) {
      this.version = message.v;
      return;
    }
    // ShareDB increments the version, and expects the message's version to be the one before.
    const {rev, v} = message;
    this.version = message.v = (v ?? 0) - 1;
    // The step as it is in the history. ShareDB transforms the message over the unsent ops.
    this.connection.entry = {...message};
    // The step replaces content of another database. The host compares each op with what it was before, to find lost content.
    if (message.replaces) for (const op of this.unsent) op.was ??= op.op;
    try {
      super._handleOp(null, message);
    } catch (thrown) {
      if (!this.type?.transform) throw thrown;
      // The type can't transform an unsent op over the step, because the two exclude each other. Upstream would never apply the step. Some
      // ops may have been transformed already, so they were not all made on the same version.
      this.isMixed = true;
      loseUnsent(this, withCode('ERR_OT_OP_NOT_APPLIED', String(thrown)));
    }
    this.connection.entry = undefined;
    if (v === null && this.rev === rev) this.version = null;
  }

  /** ShareDB's hard rollback. The next state belongs to another incarnation. @internal */
  override _hardRollback(error: Error): void {
    if (error === WILL_FLUSH) return;
    this.noteHardRollback();
    for (const op of this.unsent) Completion.muteIfHandled(op.callbacks);
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
    // The host still accepts ops and requests, but receives nothing from the server.
    if (state !== 'connecting' && !isLocal(this.collection)) this.subscribed = false;
  }

  /** Sends waiting ops and requests, because messages reach a host again. @internal */
  handleLinked(): void {
    this.flush();
    if (!this.isDestroyed) this._resubscribe();
    this.callWaiting();
  }

  /** Whether a message for this incarnation is for this object, not for an earlier document of the same name. @internal */
  hasAsked(inc: number | undefined): boolean {
    return !inc || inc >= this.firstInc;
  }

  /** @internal */
  isCurrent(inc: number): boolean {
    return inc === this.inc || (inc === 0 && !this.hadState);
  }

  /** @internal */
  startAnew(): void {
    this.inc = this.connection.nextIncarnation();
    this.hadState = true;
    this.rev = null;
    this.unconfirmed.startAnew(this.unsettled, this.connection.hostEpoch);
    this.ingestedSnapshot = undefined;
  }

  /** Requests the revision of a state that came from elsewhere, so that ops can be made on it. */
  private findRevision(): void {
    if (this.connection.canSend && !this.inflightFetch.length) this.askRevision();
  }

  /** @internal */
  askRevision(): void {
    this._fetch({force: true}, error => {
      if (error) this.connection.clock.after(RETRY_MS, () => this.flush());
      else this.flush();
    });
  }
}

function unconfirmedOpOf({unwritten, v, src, seq, op, undo}: EntryMessage): UnconfirmedOp {
  return {...(!unwritten && {v: v! - 1}), src, seq, op, ...(undo && {undo})};
}
