import * as ot from 'sharedb/lib/ot.js';
import {types} from 'sharedb/lib/client/index.js';
import {decodeError, encodeError, type ErrorData} from '../../protocol/errors.js';
import type {UnconfirmedOp, SnapshotData} from '../../protocol/messages.js';
import {isLocal} from '../../protocol/local.js';
import {stepOf} from '../../ot/step.js';
import type {UndoMark} from '../../protocol/undo.js';
import type {LostStep} from '../letters/dead-letters.js';
import {fastType, withFastType} from '../../ot/fast-json0.js';
import {nextTick} from '../../platform/next-tick.js';
import type {Checkpoint, DocJournal, Identity, JournalRecord, Restored, StoredOp, Surroundings} from './doc-journal.js';
import {History} from '../../ot/history.js';
import type {Author, StoredElsewhere, Entry, Origins, Step} from '../../ot/history-entry.js';
import {ServerLog} from './server-log.js';
import {dryRun} from '../../ot/dry-run.js';
import type {Json0Component} from '../../ot/json0-values.js';
import {hook, type DocHooks} from './hooked-doc.js';
import {alreadyCreated, docMissing, historyGone, notApplied} from './op-errors.js';
import {isMissingType, missingType} from './missing-type.js';
import {correctedStep, giveInverse, noteInvertible, rollBackSoftly} from './soft-rollback.js';
import {ServerState, typeOf} from './server-state.js';
import {stepBetween} from '../../ot/state-step.js';
import type {Callback, RealDoc, RealOp, ServerSnapshot} from '../upstream.js';

/** The server does not lead on from what the op was made on. */
const LOST_AT_SERVER = new Set(['ERR_SUBMIT_TRANSFORM_OPS_NOT_FOUND', 'ERR_OP_VERSION_NEWER_THAN_CURRENT_SNAPSHOT']);

export interface JournaledDocEvents {
  /** Whether anybody stands at a revision, and needs to be told how it goes on from there. */
  readonly isFollowed: boolean;
  /** Whether there are others than this tab whose ops a rollback could cost. */
  isShared(owner: string | undefined): boolean;
  /** The document moved on by one step. */
  onEntry(entry: Entry): void;
  /** The document's state and all ops that the server had not acknowledged are gone. */
  onRollback(): void;
  /** It is back, or could not be loaded. `error` is for ops that never had their place in the history. */
  onReset(error: ErrorData, loadError: ErrorData | undefined): void;
  /** Ops are given up, each made on the one before, the first on the server's version `v`. */
  onLost(v: number | null, ops: LostStep[]): void;
  /** The server has an op. */
  onSaved(op: RealOp): void;
  /** An error that upstream would emit on the document. @param owner the tab whose op it is about, where that is known */
  onError(error: Error, owner: string | undefined): void;
  /** The server has answered to the op in flight with an error. Returns whether the op is sent again. */
  willRetry(error: Error, op: RealOp): boolean;
  /** Whether the server only could not answer for now. */
  isTransient(error: Error): boolean;
  /** The server could not read the document for now. @param ask asks again; called after a pause, unless the connection is lost */
  readLater(error: Error, ask: () => void): void;
  /** It could. */
  endReadingLater(): void;
  /** The op is not to be sent on this connection. */
  isHeldBack(op: RealOp): boolean;
  /** The callbacks of one op are called between the two. */
  beginSettling(): void;
  endSettling(): void;
  /** An op of the server's, as it is there: over what is pending, less may be left of it. */
  onServerOp(step: Step): void;
  /** Something was written to the journal. */
  onJournal(): void;
  /** The document was loaded. */
  onLoad(): void;
  /** Acts when the document has been read. */
  defer(act: () => void): void;
  /** The document is of a type that this host does not know. @param isAnswer whether who asked is told, and nobody else */
  onMissingType(error: Error, isAnswer?: boolean): void;
  /** The server does not let us have the document: it is empty now, and what is stored of it is to go. */
  onRefused(error: Error): void;
  /** Runs what is done for many documents in one go, later in this turn. */
  together(act: () => void): void;
}

/** The callback for an op of a tab that is restored. */
export type SettleOf = (owner: string, seq: number) => Callback;

export interface Submission {
  step: Step;
  owner: string;
  seq: number;
  source: unknown;
  submitSource: boolean;
  preventCompose: boolean;
  /** A part of a transaction: it is written, and told, together with the others. */
  isTogether?: boolean;
  /** As it was journalled, where it is submitted again, or as the server may know it already. */
  id?: Identity | undefined;
}

/**
 * The host's real document and the history that it writes. Nothing else of the host touches the
 * document's data; wherever it changes, an entry is written. With a journal, what the document is told
 * is journalled as well, and told again after a restart.
 */
export class JournaledDoc implements DocHooks {
  readonly history: History;
  /** The methods that this object's are put before. */
  private readonly upstream: RealDoc;
  /** True from the loss of the document's state until it is loaded again. */
  rollingBack = false;
  /** The server's, or the stored, document is of a type that this host does not know: it is as if there were none. */
  missing: Error | undefined;
  /** What is stored is of such a type: nothing is written over it. */
  isLocked = false;
  private log: ServerLog | undefined;
  private author: Author | undefined;
  private recordedVersion: number | null = null;
  private rollbacks = 0;
  private snapshotCache: {rev: number; json: string} | undefined;
  private replaying = false;
  /** The journal is being read: what a query brings meanwhile waits for it. What the server tells is asked for afterwards. */
  private isReading = false;
  private hasMissed = false;
  /**
   * The place in the store of the last record of an op that the server has answered to and does not have. If it were lost,
   * the next host would take what was sent afterwards, and comes back, for somebody else's.
   */
  private refusedAt = 0;
  /** The place of the last record of anything but an op of the server that is told early. */
  private neededAt = 0;
  /** What the message that is being handled acknowledges. */
  private acked: Origins | undefined;
  /** What is being handled may be told before it is durable. */
  private toldBeforeWrite: StoredElsewhere | undefined;
  /** Upstream emits, and does not throw, where a type is not registered. */
  private replayError: Error | undefined;
  /** Was under way when all was rolled back: upstream emits an error when the server refuses it afterwards. */
  private givenUp: RealOp | undefined;
  /** Whose op an error is about that is being told. */
  private blamed: string | undefined;
  /** In the middle of an acknowledgement or a rejection, which have their own records. */
  private answering = false;
  /** The unsent ops as they were before one was taken back, of which that one has been told as lost. */
  private beforeRefusal: UnsentOp[] | undefined;
  private willFlush = false;
  /** Asks the server again for what it could not answer for now; after a lost connection, too. */
  private ask: (() => void) | undefined;
  /** Whether it is what the server says. */
  readonly server: ServerState;

  constructor(
    readonly doc: RealDoc,
    private readonly events: JournaledDocEvents,
    private readonly journal?: DocJournal | undefined,
    private readonly start = 0
  ) {
    this.history = new History(start);
    this.upstream = hook(doc, this);
    this.server = new ServerState(doc, this.upstream, {
      onOtherState: snapshot => this.replaceByServer(snapshot),
      onRefusal: error => this.empty(error),
      isTransient: error => events.isTransient(error),
      onNoWay: () => this._hardRollback(historyGone(doc)),
      data: () => (JSON.parse(this.snapshotJson()) as SnapshotData).data,
      together: act => events.together(act)
    });
    if (this.hasState) this.recordLoad();
  }

  /** Whether there is anything that a tab could be shown. */
  get hasState(): boolean {
    return this.doc.type !== null || this.doc.version !== null;
  }

  /** Whether nothing is known, and never was. */
  get isNew(): boolean {
    return !this.hasState && this.history.rev === this.start;
  }

  /** Kept from the first time on that somebody needs it. */
  get serverLog(): ServerLog {
    return (this.log ??= new ServerLog(this.doc));
  }

  /** The snapshot at the current revision, as JSON; made once for all tabs that need it. */
  snapshotJson(): string {
    const {rev} = this.history;
    if (this.snapshotCache?.rev !== rev) this.snapshotCache = {rev, json: JSON.stringify(this.snapshotData())};
    return this.snapshotCache.json;
  }

  /**
   * Applies an op of a tab that stands at the current revision, and queues it for the server.
   * @param callback called once, when the server has answered
   * @returns the error where the op can't be applied; it has then left no trace
   */
  submit(submission: Submission, callback: Callback): Error | undefined {
    const {owner, seq, source, submitSource} = submission;
    const {doc} = this;
    const {type} = doc;
    const unusable = type ? undefined : this.missing ?? missingType(submission.step.create?.type, doc);
    if (unusable) {
      if (unusable !== this.missing) this.events.onMissingType(unusable, true);
      return unusable;
    }
    const badForm = ot.checkSubmittedOpForType?.(type, submission.step);
    if (badForm) return badForm;
    const step = this.replaying ? submission.step : correctedStep(submission.step, doc);
    const last = doc.pendingOps.at(-1);
    // Ops of two tabs stay two ops, so that the server can reject one without the other. What may have been sent stays
    // as it is. Told again, it is as it was: else the server would get what was composed as part of another op, too.
    const preventCompose = submission.preventCompose || (!this.replaying && (last
      ? last.owner !== owner || last.submitSource !== submitSource || last.sentAt !== undefined
      : !!doc.inflightOp));
    const id = submission.id ?? (this.replaying ? undefined : this.nextIdentity());
    const record = this.journal && !this.replaying && JSON.stringify({
      t: 'submit', step, owner, seq, source, id,
      ...(submitSource && {submitSource}), ...(preventCompose && {preventCompose})
    } satisfies JournalRecord);
    const op: RealOp = {...(step as RealOp), owner, submitSource, ...(id && {src: id[0], seq: id[1]})};
    const mayStopHalfWay = !this.replaying && Array.isArray(step.op) && step.op.length > 1 && type?.name === 'json0';
    const failure = mayStopHalfWay && isLocal(doc.collection) ? dryRun(type, step.op as Json0Component[], doc.data) : undefined;
    if (failure) return notApplied(failure);
    noteInvertible(op, doc);
    const {isInvertible} = op;
    // Applied first, then queued: upstream's order would leave a hard rollback as the only way back.
    this.author = {src: owner, seq};
    // Another tab would not know the source that goes to the server with it.
    if (this.journal?.sendsBeforeWrite && 'op' in step && !submitSource && !submission.isTogether) this.toldBeforeWrite = 'tab';
    try {
      doc._otApply(op, source || true);
    } catch (error) {
      // json0 changes the data in place, component by component: it may have stopped half way.
      if (mayStopHalfWay) this._hardRollback(error as Error);
      return notApplied(error);
    } finally {
      this.author = undefined;
      this.toldBeforeWrite = undefined;
    }
    const place = record ? this.write(record, false, submission.isTogether) : 0;
    doc.preventCompose = preventCompose;
    doc.submitSource = submitSource;
    callback.origin = [owner, seq];
    withFastType(doc, () => doc._pushOp(op, source || true, callback));
    // Upstream queues before it applies: an op carries the type that it was made for.
    if (op.callbacks) op.type = fastType(type);
    // It may have been composed into one that is there.
    const queued = doc.pendingOps.at(-1);
    if (queued) {
      queued.place = place;
      queued.isInvertible = !!queued.isInvertible && !!isInvertible;
    }
    this.flushSoon();
    return undefined;
  }

  /** @returns the error that a step would end with now. Nothing is changed */
  trial(step: Step): Error | undefined {
    const {doc} = this;
    const {type} = doc;
    if (step.create) return type ? alreadyCreated() : this.missing ?? missingType(step.create.type, doc);
    if (!type) return docMissing(doc);
    if (step.del) return undefined;
    const badForm = ot.checkSubmittedOpForType?.(type, step);
    if (badForm) return badForm;
    try {
      if (type.name === 'json0') return dryRun(type, correctedStep(step, doc).op as Json0Component[], doc.data);
      // Other types make new data.
      type.apply(doc.data, JSON.parse(JSON.stringify(step.op)));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** Once in a turn, however many ops come in it. */
  private flushSoon(): void {
    if (this.willFlush) return;
    this.willFlush = true;
    nextTick(() => {
      this.willFlush = false;
      this.doc.flush();
    });
  }

  /**
   * With the identity in the op's own record, sending it needs no commit of its own. None before the first
   * handshake: the server has not said yet who we are.
   */
  private nextIdentity(): Identity | undefined {
    const {connection} = this.doc;
    return this.journal && typeof connection.id === 'string' ? [connection.id, connection.seq++] : undefined;
  }

  /** The revision at which the document was what the server had at version `v`, if that is known. */
  revisionOf(v: number): number | undefined {
    const {doc, history} = this;
    if (doc.version === v && !doc.hasWritePending()) return history.rev;
    return history.revisionOf(v);
  }

  /** The seqs of a tab's ops that have their place in the history, and wait for the server. */
  pendingSeqs(owner: string): number[] {
    const {inflightOp, pendingOps} = this.doc;
    const callbacks = [inflightOp, ...pendingOps].flatMap(op => op?.callbacks ?? []);
    return callbacks.flatMap(callback => (callback?.origin?.[0] === owner ? [callback.origin[1]] : []));
  }

  /** Writes down where the version has moved without a change of the data. */
  noteVersion(): void {
    if (this.rollingBack) return;
    if (this.doc.version !== this.recordedVersion) this.push('{}');
  }

  /** An op that a tab has got of the server by way of an earlier host. */
  replayServerOp({v, src, seq, op}: UnconfirmedOp): void {
    const {doc} = this;
    if (v !== undefined && doc.version === v && doc.type && !this.rollingBack) {
      doc._handleOp(null, {a: 'op', c: doc.collection, d: doc.id, v, src, seq, op} as {v: number});
    }
  }

  /** An entry that changes nothing: a deletion of what was deleted meanwhile. */
  pushNothing(owner: string, seq: number): void {
    this.write({t: 'nothing', owner, seq});
    this.push('{}', {src: owner, seq});
  }

  // ---- storing and restoring

  /** The whole state, for the journal to begin anew from. */
  checkpoint(tabs: Surroundings['tabs']): void {
    const {doc, history} = this;
    if (this.isLocked) return;
    const pending = [doc.inflightOp, ...doc.pendingOps].filter(op => !!op).map(storedOp);
    this.journal?.checkpoint(this.snapshotJson(), {history: history.save(), pending, tabs});
  }

  /**
   * Brings back what was stored.
   * @param settleOf the callback for an op of a tab, called for each op that is restored
   * @throws where what was stored does not lead anywhere
   */
  restore({checkpoint, snapshot, records}: Restored, settleOf: SettleOf): void {
    this.replaying = true;
    try {
      if (checkpoint) this.restoreCheckpoint(checkpoint, settleOf);
      if (snapshot) this.snapshotCache = {rev: this.history.rev, json: snapshot};
      for (const record of records) {
        this.replay(record, settleOf);
        if (this.replayError) throw this.replayError;
      }
    } finally {
      this.replaying = false;
      this.replayError = undefined;
    }
    const {doc} = this;
    // As after a lost connection: what was under way is sent again, as itself.
    if (doc.inflightOp) doc.pendingOps.unshift(doc.inflightOp);
    doc.inflightOp = null;
    // The record of its being sent may be lost: nothing may be composed into what has an identity.
    for (const op of doc.pendingOps) if (op.src !== undefined) op.sentAt ??= 1;
    doc.flush();
  }

  /** A state of the server's that has come before there was anybody to read the store: it is taken again afterwards. */
  takeOut(): ServerSnapshot | undefined {
    if (!this.hasState || this.doc.version === null || this.doc.hasWritePending()) return undefined;
    const {v, type, data} = JSON.parse(this.snapshotJson()) as SnapshotData;
    this.startAnew();
    return {v: v!, type, data};
  }

  /** A state that a tab has of the server's. */
  ingest(snapshot: ServerSnapshot): void {
    this.upstream.ingestSnapshot.call(this.doc, snapshot);
  }

  beginReading(): void {
    this.isReading = true;
  }

  /** @returns whether the server has told of something meanwhile */
  endReading(): boolean {
    this.isReading = false;
    return this.hasMissed;
  }

  /** What is stored can't be used, and may be later: by a host that knows its type. @returns whether it is so */
  lock(error: unknown): boolean {
    if (!isMissingType(error)) return false;
    this.isLocked = true;
    this.noteMissing(error as Error);
    return true;
  }

  private noteMissing(error: Error): void {
    this.missing = error;
    this.events.onMissingType(error);
  }

  /** Forgets all that `restore` may have brought back before it failed. */
  startAnew(): void {
    const {doc} = this;
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
    this.recordedVersion = null;
    this.server.trust();
    this.history.clear();
  }

  private restoreCheckpoint(
    {v, type, data, rev, history, pending}: Checkpoint, settleOf: SettleOf
  ): void {
    const {doc} = this;
    const missing = missingType(type, doc);
    if (missing) throw missing;
    doc._setType(type);
    if (type !== null) doc._setData(doc.type?.deserialize ? doc.type.deserialize(data) : data);
    doc.version = v;
    this.recordedVersion = v;
    doc.pendingOps = pending.map(stored => realOp(stored, settleOf));
    this.history.restore(rev, history, history.length || pending.length ? null : v);
    if (doc.pendingOps[0]?.isSent) doc.inflightOp = doc.pendingOps.shift()!;
  }

  private replay(record: JournalRecord, settleOf: SettleOf): void {
    const {doc} = this;
    switch (record.t) {
      case 'submit': {
        const {step, owner, seq, source, submitSource = false, preventCompose = false, id} = record;
        const error = this.submit({step, owner, seq, source, submitSource, preventCompose, id}, settleOf(owner, seq));
        if (error) throw error;
        return;
      }
      case 'nothing': {
        const settle = settleOf(record.owner, record.seq);
        this.push('{}', {src: record.owner, seq: record.seq});
        return settle();
      }
      case 'send': {
        const op = this.takeUp();
        if (op) Object.assign(op, {src: record.src, seq: record.seq});
        return;
      }
      case 'message': {
        const {src, seq} = record.message as RealOp;
        const [next] = doc.pendingOps;
        if (next && next.src === src && next.seq === seq) this.takeUp();
        return doc._handleOp(null, record.message);
      }
      case 'reject': {
        const inflightOp = this.takeUp();
        if (!inflightOp) return;
        if (record.inverse !== undefined) giveInverse(inflightOp, record.inverse);
        return this.takeBack(decodeError(record.error));
      }
      case 'clear':
        if (this.takeUp()) doc._clearInflightOp();
        return;
      default:
        record satisfies never;
        throw new Error('A journal record of an unknown kind');
    }
  }

  /** The op that was under way to the server when the record was written. */
  private takeUp(): RealOp | null {
    const {doc} = this;
    doc.inflightOp ??= doc.pendingOps.shift() ?? null;
    return doc.inflightOp && Object.assign(doc.inflightOp, {sentAt: 1, isSent: true});
  }

  /**
   * @param isRepeatable without the record, the op under way is sent again, and the server tells it again
   * @returns its place in the store
   */
  private write(record: JournalRecord | string, isRepeatable = false, isTogether = false): number {
    if (!this.journal || this.replaying || this.isLocked) return 0;
    const place = this.journal.append(record, isRepeatable, isTogether);
    if (this.toldBeforeWrite !== 'server') this.neededAt = place;
    this.events.onJournal();
    return place;
  }

  // ---- the real document

  private push(json: string, author?: Author): void {
    this.recordedVersion = this.doc.version;
    const isClean = !this.doc.hasWritePending() && !this.author;
    this.events.onEntry(this.history.push(this.doc.version, json, isClean, author, author ? undefined : this.acked, this.toldBeforeWrite));
  }

  /** What upstream takes back, or patches, is a tab's work too, but not the tab's op come back. */
  private authorOf(op: RealOp): Author | undefined {
    const inflight = this.doc.inflightOp;
    if (op.owner !== undefined) return {src: op.owner};
    if (inflight?.owner !== undefined && op.src === inflight.src && op.seq === inflight.seq) return {src: inflight.owner};
    return op.src === undefined ? undefined : {src: op.src, seq: op.seq};
  }

  private snapshotData(): SnapshotData {
    const {type, data, version} = this.doc;
    return {
      v: version,
      type: type?.uri ?? type?.name ?? null,
      data: type?.serialize ? type.serialize(data) : data,
      rev: this.history.rev,
      ...(this.doc.hasWritePending() && {isMixed: true})
    };
  }

  /** Every change passes here, and is an entry of the history. */
  _otApply(op: RealOp, source: unknown): void {
    // What takes an op back is the same object, but nothing that can be undone.
    const json = stepJson(op, this.author && op.undo);
    const rollback = this.rollbacks;
    const author = this.author ?? this.authorOf(op);
    this.upstream._otApply.call(this.doc, op, source);
    // Had it been rolled back meanwhile, the entry would tell of a state that is gone.
    if (this.rollbacks === rollback) this.push(json, author);
  }

  private isInFlight(src: string | undefined, seq: number | undefined): boolean {
    const {connection, inflightOp} = this.doc;
    // What a connection sends as its own, it does not name the source of; a refusal does not, either.
    return !!inflightOp && seq === inflightOp.seq && (src ?? connection.id) === inflightOp.src;
  }

  /** What the server says, and the journal with it. */
  _handleOp(error: Error | null, message: {v?: number}): void {
    if (this.isReading) {
      this.hasMissed = true;
      return;
    }
    const {doc} = this;
    const missing = error ? undefined : missingType((message as RealOp).create?.type, doc);
    if (missing) return this.replaying ? void (this.replayError ??= missing) : this.noteMissing(missing);
    const {src, seq, v} = message as RealOp & {v?: number};
    if (!error && typeof v === 'number' && !this.replaying) this.server.noteOp(v);
    const isAck = this.isInFlight(src, seq);
    // An op that was sent again may have come back as one of the server's before the server refuses to take it a second time:
    // upstream would take back the one that is in flight by now. Where none is, its own tab alone is to hear of it.
    const isStale = error && seq !== undefined && !isAck;
    if (isStale && (doc.inflightOp || seq !== this.givenUp?.seq)) return;
    if (error && isAck && this.events.willRetry(error, doc.inflightOp!)) return this.askWhetherLost(doc.inflightOp!);
    const isNext = !error && doc.version !== undefined && (isAck || v === doc.version);
    this.acked = isNext && isAck ? originsOf(doc.inflightOp!) : undefined;
    if (isNext && !isAck && !this.replaying) this.events.onServerOp(message as Step);
    this.toldBeforeWrite = isNext && !isAck && this.mayTellBeforeWrite(message) ? 'server' : undefined;
    // Transformed over it, they may no longer say what they remove.
    if (isNext && !isAck) for (const op of [doc.inflightOp, ...doc.pendingOps]) if (op) op.isInvertible = false;
    try {
      // Written first: what it leads to, such as the next op being sent, is written after it.
      if (isNext) this.write({t: 'message', message}, isAck || !!this.toldBeforeWrite);
      if (isStale) this.blamed = this.givenUp?.owner;
      this.answer(() => this.upstream._handleOp.call(doc, error, message), !error);
      this.noteVersion();
    } finally {
      this.blamed = undefined;
      this.toldBeforeWrite = undefined;
      this.acked = undefined;
    }
  }

  /** A state of the server, by an answer or by a query's results. */
  ingestSnapshot(snapshot: ServerSnapshot, callback?: Callback): void {
    if (this.isReading) return this.events.defer(() => this.ingestSnapshot(snapshot, callback));
    const {doc} = this;
    if (snapshot && this.server.take(snapshot, callback)) return undefined;
    if (snapshot && !doc.type && !doc.hasWritePending() && !((doc.version ?? -1) > snapshot.v)) {
      const missing = missingType(snapshot.type, doc);
      if (missing) {
        // Who asks is told by way of `missing`; a query has other results, too.
        this.noteMissing(missing);
        return callback?.();
      }
      if (this.isLocked && snapshot.type) {
        this.journal!.setAside(this.missing);
        this.isLocked = false;
      }
      if (!this.isLocked) this.missing = undefined;
    }
    return this.upstream.ingestSnapshot.call(doc, snapshot, callback);
  }

  _fetch(options: {force?: boolean}, callback?: Callback): void {
    this.server.fetch(options, callback);
  }

  _flushSubscribe(): void {
    this.server.flushSubscribe();
  }

  _handleFetch(error: Error | null, snapshot?: ServerSnapshot): void {
    this.server.handleFetch(error, snapshot);
  }

  _handleSubscribe(error?: Error | null, snapshot?: ServerSnapshot): void {
    this.server.handleSubscribe(error, snapshot);
  }

  /** The server has another state than the one shown: a change like any other, where the type can tell it as an op. */
  private replaceByServer(snapshot: ServerSnapshot): void {
    const {doc} = this;
    const type = typeOf(snapshot.type);
    const op = doc.type && type === doc.type ? stepBetween(doc.type, doc.data, snapshot.data) : undefined;
    if (op !== undefined) {
      doc.version = snapshot.v;
      // It may be nothing but another version.
      if (Array.isArray(op) && !op.length) this.push('{}');
      else doc._otApply({op}, false);
      return this.events.onLoad();
    }
    // What tabs have made on the state that is gone can't be carried over: they hear that with the new one.
    this.rollbacks++;
    doc._setType(null);
    doc.version = null;
    this.history.clear();
    this.events.onRollback();
    this.ingestSnapshot(snapshot);
    return this.events.onReset(encodeError(historyGone(doc)), undefined);
  }

  /** The server does not let us have the document: nothing of it is shown any more. */
  private empty(error: Error): void {
    const {doc} = this;
    const ops = [doc.inflightOp, ...doc.pendingOps];
    this.tellLost(() => error);
    this.rollbacks++;
    this.server.trust();
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
    this.recordedVersion = null;
    for (const op of ops) callEach(op, error);
    this.history.restart(null);
    this.events.onRefused(error);
  }

  _clearInflightOp(error?: Error | null): void {
    if (!this.answering) this.refusedAt = this.write({t: 'clear'}, true);
    this.events.beginSettling();
    if (error === undefined && this.doc.inflightOp && !this.replaying) this.events.onSaved(this.doc.inflightOp);
    this.upstream._clearInflightOp.call(this.doc, error);
  }

  /** What upstream does between calling an op's callbacks and telling that nothing is pending. */
  flush(): void {
    this.events.endSettling();
    this.upstream.flush.call(this.doc);
  }

  /**
   * An op of the server on a document that waits for nothing, and all that came before it is durable, or is such an op:
   * wherever a host begins anew, a tab that has it can lead it there.
   */
  private mayTellBeforeWrite(message: object): boolean {
    return !this.replaying && !!this.journal && 'op' in message && !this.doc.hasWritePending() && this.journal.isWritten(this.neededAt);
  }

  private answer(act: () => void, isAnswer = true): void {
    const before = this.answering;
    this.answering = isAnswer;
    try {
      act();
    } finally {
      this.answering = before;
    }
  }

  _rollback(error: Error): void {
    const {code} = error as {code?: string};
    if (LOST_AT_SERVER.has(code!)) return this._hardRollback(historyGone(this.doc));
    const refused = this.doc.inflightOp;
    if (!this.server.mayBeLost(error as {code?: unknown}) || !refused) return this.rollBackSoftly(error);
    return this.server.probe(isLost => {
      if (this.doc.inflightOp !== refused) return;
      if (isLost) this._hardRollback(historyGone(this.doc));
      else this.rollBackSoftly(error);
    });
  }

  /** An adapter may fail with what it no longer has, too, and without a telling code: sending the op again would never help. */
  private askWhetherLost(failed: RealOp): void {
    this.server.probe(isLost => {
      if (isLost && this.doc.inflightOp === failed) this._hardRollback(historyGone(this.doc));
    });
  }

  private rollBackSoftly(error: Error): void {
    rollBackSoftly(this.doc, error, {
      isShared: owner => this.events.isShared(owner), serverLog: () => this.serverLog,
      fetchSnapshot: callback => this.untilRead<ServerSnapshot>(done => this.doc.connection.fetchSnapshot(this.doc.collection, this.doc.id, null, done), callback),
      takeBack: reason => this.takeBack(reason), replace: (reason, remedy) => this.replace(reason, remedy)
    });
  }

  /** The op under way is taken back, or all of them. */
  private takeBack(error: Error): void {
    const {doc} = this;
    const refused = doc.inflightOp;
    const inverse = refused?.inverse;
    const {error: forRefused} = errorsOf(error);
    // First: if the record were stored without it, nothing would tell of the op.
    this.beforeRefusal = this.tellLost(op => (op === refused ? forRefused : undefined), 1);
    this.refusedAt = this.write({t: 'reject', error: encodeError(error), ...(inverse !== undefined && {inverse})});
    try {
      this.answer(() => this.upstream._rollback.call(doc, error));
    } finally {
      this.beforeRefusal = undefined;
    }
  }

  /**
   * Tells which of the unsent ops are given up, before they change.
   * @param count how many of them are looked at
   * @returns all of them
   */
  private tellLost(errorOf: (op: RealOp) => Error | undefined, count = Infinity): UnsentOp[] {
    const {doc, beforeRefusal} = this;
    const unsent = beforeRefusal ?? [doc.inflightOp, ...doc.pendingOps].flatMap(op => (op ? {op, step: stepOf(op)} : []));
    const lost = unsent.slice(0, count).map(({op, step}, i): LostStep => {
      const {src, seq, type} = op;
      const id = seq === undefined ? {} : {src: src ?? doc.connection.id ?? undefined, seq};
      return {...id, step, type: type?.uri ?? type?.name ?? null, error: beforeRefusal && !i ? undefined : errorOf(op)};
    });
    if (!this.replaying && lost.length) this.events.onLost(doc.version, lost);
    return unsent;
  }

  /** The op under way is refused, and no op undoes it: the document becomes what it would be without it. */
  private replace(error: Error, {data, kept}: {data: unknown; kept: {op: RealOp; made: unknown}[]}): void {
    const {doc} = this;
    const refused = doc.inflightOp;
    const keptOps = new Set(kept.map(({op}) => op));
    const dropped = doc.pendingOps.filter(op => !keptOps.has(op));
    const {error: forRefused, reason} = errorsOf(error);
    this.tellLost(op => (op === refused ? forRefused : keptOps.has(op) ? undefined : reason));
    this.rollbacks++;
    // Its place is that of the checkpoint, which makes it count for nothing.
    this.refusedAt = this.write({t: 'clear'});
    doc.inflightOp = null;
    doc.pendingOps = kept.map(({op, made}) => ('op' in op ? Object.assign(op, {op: made, isInvertible: false}) : op));
    doc._setData(data);
    this.history.restart(doc.hasWritePending() ? null : doc.version);
    this.recordedVersion = doc.version;
    this.events.onRollback();
    callEach(refused, forRefused);
    for (const op of dropped) callEach(op, reason);
    this.events.onReset(encodeError(reason), undefined);
    doc.flush();
    doc._emitNothingPending();
  }

  onLoad(): void {
    this.recordLoad();
    this.events.onLoad();
  }

  onError(error: Error): void {
    if (this.replaying) this.replayError ??= error;
    else this.events.onError(error, this.blamed);
  }

  private recordLoad(): void {
    if (this.events.isFollowed) {
      return this.push(JSON.stringify({load: {...this.snapshotData(), rev: this.history.rev + 1}}));
    }
    this.recordedVersion = this.doc.version;
    this.history.restart(this.doc.version);
  }

  /** The op goes out when its journal entry, with the identity that the server knows it by, is durable. */
  _sendOp(): void {
    const {doc, journal} = this;
    const op = doc.inflightOp ?? doc.pendingOps[0];
    if (this.replaying || !op || this.server.isAsking) return;
    doc.submitSource = !!op.submitSource;
    if (!doc.connection.canSend) return;
    if (op.seq !== undefined && this.events.isHeldBack(op)) {
      // In flight all the same: the server may have it, and say so. In the queue, it would be taken for somebody else's.
      doc.inflightOp ??= doc.pendingOps.shift()!;
      return;
    }
    if (!journal) return this.upstream._sendOp.call(doc);
    if (!doc.inflightOp) doc.inflightOp = doc.pendingOps.shift()!;
    if (op.src === undefined || op.seq === undefined) {
      op.src = doc.connection.id!;
      op.seq = doc.connection.seq++;
      op.place = this.write({t: 'send', src: op.src, seq: op.seq});
    }
    // From now on nothing may be composed into it.
    op.isSent = true;
    op.sentAt ??= Date.now();
    const attempt = (op.attempt = {});
    journal.whenWritten(Math.max(op.place ?? 0, this.refusedAt), () => {
      if (doc.inflightOp !== op || op.attempt !== attempt || !doc.connection.canSend) return;
      doc.submitSource = !!op.submitSource;
      this.upstream._sendOp.call(doc);
    });
  }

  /** Gives up an op that was sent: as if the server had refused it. */
  refuse(src: string, seq: number, error: Error): void {
    const op = this.doc.inflightOp ?? this.doc.pendingOps[0];
    if (op?.src !== src || op.seq !== seq || this.rollingBack) return;
    this.takeUp();
    this._handleOp(error, {src, seq} as {v?: number});
  }

  /** Upstream calls back silent read rejections without their error; the tabs need it. */
  _emitResponseError(error: Error, callback?: Callback): void {
    this.upstream._emitResponseError.call(this.doc, error, callback && (reported => callback(reported ?? error)));
  }

  /**
   * Upstream's hard rollback, step by step the same, but that the tabs hear of its beginning, and get
   * the outcomes with the new state instead of each by itself.
   */
  _hardRollback(error: Error): void {
    const {doc} = this;
    const {error: forInflight, reason} = errorsOf(error);
    this.tellLost(op => (op === doc.inflightOp ? forInflight : reason));
    this.rollbacks++;
    this.server.trust();
    const inflight = doc.inflightOp;
    const pending = doc.pendingOps;
    // Of a lost history its tab is told with the op; that the server refuses it then as well is nothing new.
    this.givenUp = (error as {code?: string}).code === 'ERR_TABS_HISTORY_GONE' ? undefined : inflight ?? undefined;
    doc._isInHardRollback = true;
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
    this.history.clear();
    this.rollingBack = true;
    this.events.onRollback();
    this.untilRead(done => this.fetchAlone(done), loadError => {
      doc._isInHardRollback = false;
      callEach(inflight, forInflight);
      for (const op of pending) callEach(op, reason);
      this.rollingBack = false;
      this.recordedVersion = doc.version;
      this.events.onReset(encodeError(reason), loadError ? encodeError(loadError) : undefined);
    });
  }

  /** Asks until the server can answer, or refuses to: ops that wait would be lost for a reason that passes. */
  private untilRead<Answer>(ask: (done: (error?: Error | null, answer?: Answer) => void) => void, callback: (error?: Error | null, answer?: Answer) => void): void {
    ask((error, answer) => {
      if (!error || !this.events.isTransient(error)) {
        this.events.endReadingLater();
        return callback(error, answer);
      }
      this.ask = () => {
        this.ask = undefined;
        this.untilRead(ask, callback);
      };
      return this.events.readLater(error, this.askAgain);
    });
  }

  /** What waits for an answer of the server is asked for now. */
  readonly askAgain = (): void => this.ask?.();

  /** In a request for many, upstream counts on an answer for each time that a document asks, and gets one. */
  private fetchAlone(callback: Callback): void {
    const {connection} = this.doc;
    const {bulk} = connection;
    connection.bulk = null;
    this.doc._fetch({force: true}, callback);
    connection.bulk = bulk;
  }
}

/** An op that the server has not acknowledged, and what it did before anything was done about it. */
interface UnsentOp {
  op: RealOp;
  step: Step;
}

/** What the refused op is told, and those that are given up with it. */
function errorsOf(error: Error): {error: Error | undefined; reason: Error} {
  if ((error as {code?: string}).code !== 'ERR_OP_SUBMIT_REJECTED') return {error, reason: error};
  // Rejected on purpose: no error for the op itself (share/sharedb#626).
  const reason = new Error('Discarding pending op because of hard rollback during ERR_OP_SUBMIT_REJECTED');
  return {error: undefined, reason: Object.assign(reason, {code: 'ERR_PENDING_OP_REMOVED_BY_OP_SUBMIT_REJECTED'})};
}

function callEach(op: RealOp | null, error: Error | undefined): void {
  for (const callback of op?.callbacks ?? []) callback?.(error);
}

function originsOf({callbacks = []}: RealOp): Origins {
  return callbacks.flatMap(callback => (callback?.origin ? [callback.origin] : []));
}

/** The step of an op as JSON. Types with their own idea of JSON (`toJSON`) rely on it. */
function stepJson(op: RealOp, undo: UndoMark | undefined): string {
  if ('op' in op) return JSON.stringify({op: op.op, undo});
  if (op.create) return JSON.stringify({create: op.create});
  return op.del ? '{"del":true}' : '{}';
}

function storedOp(op: RealOp): StoredOp {
  const {src, seq, source, owner, submitSource, type, isSent} = op;
  return {
    ...stepOf(op),
    ...(src !== undefined && {src}), ...(seq !== undefined && {seq}),
    ...(owner !== undefined && {owner}), ...(submitSource && {submitSource}),
    source,
    type: type?.uri ?? type?.name ?? null,
    sent: isSent === true,
    origins: originsOf(op).map(([owner, seq]) => [owner, seq])
  };
}

function realOp({type, sent, origins, ...op}: StoredOp, settleOf: SettleOf): RealOp {
  const callbacks = origins.map(([owner, seq]) => Object.assign(settleOf(owner, seq), {origin: [owner, seq] as const}));
  return {
    ...op, submitSource: op.submitSource === true, type: type === null ? null : fastType(types.map[type]) ?? null,
    ...(sent && {sentAt: 1, isSent: true}), callbacks
  };
}
