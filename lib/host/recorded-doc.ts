import * as ot from 'sharedb/lib/ot.js';
import type {ErrorData} from '../protocol/errors.js';
import {encodeError} from '../protocol/errors.js';
import type {SnapshotData} from '../protocol/messages.js';
import {nextTick} from '../platform/next-tick.js';
import {History, type Author, type Entry, type Step} from './history.js';
import {ServerLog} from './server-log.js';
import {rollBackSoftly} from './soft-rollback.js';
import type {Callback, RealDoc, RealOp} from './upstream.js';

export interface RecordedDocEvents {
  /** Whether anybody stands at a revision, and needs to be told how it goes on from there. */
  isFollowed(): boolean;
  /** Whether there are others than this tab whose ops a rollback could cost. */
  isShared(owner: string | undefined): boolean;
  /** The document moved on by one step. */
  onEntry(entry: Entry): void;
  /** The document's state and all ops that the server had not acknowledged are gone. */
  onRollback(): void;
  /** It is back, or could not be loaded. `error` is for ops that never had their place in the history. */
  onReset(error: ErrorData, loadError: ErrorData | undefined): void;
  /** An error that upstream would emit on the document. */
  onError(error: Error): void;
}

export interface Submission {
  step: Step;
  owner: string;
  seq: number;
  source: unknown;
  submitSource: boolean;
  preventCompose: boolean;
}

/**
 * The host's real document and the history that it writes. Nothing else of the host touches the
 * document's data; wherever it changes, an entry is written.
 */
export class RecordedDoc {
  readonly history = new History();
  /** True from the loss of the document's state until it is loaded again. */
  rollingBack = false;
  private log: ServerLog | undefined;
  private author: Author | undefined;
  private recordedVersion: number | null = null;
  private rollbacks = 0;
  private snapshotCache: {rev: number; json: string} | undefined;

  constructor(readonly doc: RealDoc, private readonly events: RecordedDocEvents) {
    this.recordApplied();
    this.recordVersions();
    this.recordLoads();
    this.sendSourcePerOp();
    this.reportSilentErrors();
    rollBackSoftly(doc, {isShared: owner => this.events.isShared(owner), serverLog: () => this.serverLog});
    doc._hardRollback = error => this.rollBackHard(error);
    doc.on('error', (error: Error) => this.events.onError(error));
    if (this.hasState) this.recordLoad();
  }

  /** Whether there is anything that a tab could be shown. */
  get hasState(): boolean {
    return this.doc.type !== null || this.doc.version !== null;
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
  submit({step, owner, seq, source, submitSource, preventCompose}: Submission, callback: Callback): Error | undefined {
    const {doc} = this;
    const {type} = doc;
    const badForm = ot.checkSubmittedOpForType?.(type, step);
    if (badForm) return badForm;
    const op: RealOp = {...(step as RealOp), owner, submitSource};
    const last = doc.pendingOps.at(-1);
    // Applied first, then queued: upstream's order would leave a hard rollback as the only way back.
    this.author = {src: owner, seq};
    try {
      doc._otApply(op, source || true);
    } catch (error) {
      // json0 changes the data in place, component by component: it may have stopped half way.
      if (Array.isArray(step.op) && step.op.length > 1 && type?.name === 'json0') this.rollBackHard(error as Error);
      return error as Error;
    } finally {
      this.author = undefined;
    }
    // Ops of two tabs stay two ops, so that the server can reject one without the other.
    doc.preventCompose = preventCompose || (!!last && (last.owner !== owner || last.submitSource !== submitSource));
    doc.submitSource = submitSource;
    doc._pushOp(op, source || true, callback);
    // Upstream queues before it applies: an op carries the type that it was made for.
    if (op.callbacks) op.type = type;
    nextTick(() => doc.flush());
    return undefined;
  }

  /** The revision at which the document was what the server had at version `v`, if that is known. */
  revisionOf(v: number): number | undefined {
    const {doc, history} = this;
    if (doc.version === v && !doc.hasWritePending()) return history.rev;
    return history.after(history.start).findLast(entry => entry.v === v && entry.isClean)?.rev;
  }

  /** Writes down where the version has moved without a change of the data. */
  noteVersion(): void {
    if (this.rollingBack) return;
    if (this.doc.version !== this.recordedVersion) this.push('{}');
  }

  /** An entry that changes nothing: a deletion of what was deleted meanwhile. */
  pushNothing(src: string, seq: number): void {
    this.push('{}', {src, seq});
  }

  private push(json: string, author?: Author): void {
    this.recordedVersion = this.doc.version;
    const isClean = !this.doc.hasWritePending() && !this.author;
    this.events.onEntry(this.history.push(this.doc.version, json, isClean, author));
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
      rev: this.history.rev
    };
  }

  private recordApplied(): void {
    const {doc} = this;
    const upstream = doc._otApply;
    doc._otApply = (op, source) => {
      const json = stepJson(op);
      const rollback = this.rollbacks;
      const author = this.author ?? this.authorOf(op);
      upstream.call(doc, op, source);
      // Had it been rolled back meanwhile, the entry would tell of a state that is gone.
      if (this.rollbacks === rollback) this.push(json, author);
    };
  }

  private recordVersions(): void {
    const {doc} = this;
    const upstream = doc._handleOp;
    doc._handleOp = (error, message) => {
      upstream.call(doc, error, message);
      this.noteVersion();
    };
  }

  private recordLoads(): void {
    this.doc.on('load', () => this.recordLoad());
  }

  private recordLoad(): void {
    if (this.events.isFollowed()) return this.push(JSON.stringify({load: this.snapshotData()}));
    this.recordedVersion = this.doc.version;
    this.history.restart();
  }

  private sendSourcePerOp(): void {
    const {doc} = this;
    const upstream = doc._sendOp;
    doc._sendOp = () => {
      doc.submitSource = !!(doc.inflightOp ?? doc.pendingOps[0])?.submitSource;
      upstream.call(doc);
    };
  }

  private reportSilentErrors(): void {
    const {doc} = this;
    const upstream = doc._emitResponseError;
    doc._emitResponseError = (error, callback) => {
      upstream.call(doc, error, callback && (reported => callback(reported ?? error)));
    };
  }

  /**
   * Upstream's hard rollback, step by step the same, but that the tabs hear of its beginning, and get
   * the outcomes with the new state instead of each by itself.
   */
  private rollBackHard(error: Error): void {
    const {doc} = this;
    this.rollbacks++;
    const inflight = doc.inflightOp;
    const pending = doc.pendingOps;
    doc._isInHardRollback = true;
    doc._setType(null);
    doc.version = null;
    doc.inflightOp = null;
    doc.pendingOps = [];
    this.history.clear();
    this.rollingBack = true;
    this.events.onRollback();
    doc._fetch({force: true}, loadError => {
      doc._isInHardRollback = false;
      let reason = error;
      if ((error as {code?: string}).code === 'ERR_OP_SUBMIT_REJECTED') {
        // Rejected on purpose: no error for the op itself (share/sharedb#626).
        callEach(inflight, undefined);
        reason = Object.assign(
          new Error('Discarding pending op because of hard rollback during ERR_OP_SUBMIT_REJECTED'),
          {code: 'ERR_PENDING_OP_REMOVED_BY_OP_SUBMIT_REJECTED'}
        );
      } else {
        callEach(inflight, error);
      }
      for (const op of pending) callEach(op, reason);
      this.rollingBack = false;
      this.recordedVersion = doc.version;
      this.events.onReset(encodeError(reason), loadError ? encodeError(loadError) : undefined);
    });
  }
}

function callEach(op: RealOp | null, error: Error | undefined): void {
  for (const callback of op?.callbacks ?? []) callback?.(error);
}

/** The step of an op as JSON. Types with their own idea of JSON (`toJSON`) rely on it. */
function stepJson(op: RealOp): string {
  if ('op' in op) return JSON.stringify({op: op.op});
  if (op.create) return JSON.stringify({create: op.create});
  return op.del ? '{"del":true}' : '{}';
}
