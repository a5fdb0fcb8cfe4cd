import * as ot from 'sharedb/lib/ot.js';
import {dryRun} from '../../ot/dry-run.js';
import {fastType, withFastType} from '../../ot/fast-json0.js';
import type {Step} from '../../ot/history-entry.js';
import type {Json0Component} from '../../ot/json0-values.js';
import {nextTick} from '../../platform/next-tick.js';
import {isLocal} from '../../protocol/local.js';
import type {Callback, RealOp} from '../upstream.js';
import type {Identity, JournalRecord} from './doc-journal.js';
import type {DocRecord} from './doc-record.js';
import {missingType} from './missing-type.js';
import {alreadyCreated, docMissing, notApplied} from './op-errors.js';
import {correctedStep, noteInvertible} from './soft-rollback.js';

export interface Submission {
  step: Step;
  owner: string;
  seq: number;
  source: unknown;
  submitSource: boolean;
  preventCompose: boolean;
  /** Whether the op belongs to a transaction, whose ops are written and sent to tabs together. */
  isTogether?: boolean;
  /** The identity from the journal if the op is replayed, or the identity with which the server may already have the op. */
  id?: Identity | undefined;
}

/** Applies the ops of tabs to the real document, writes them to the journal and queues them for the server. */
export class OpSubmission {
  private willFlush = false;

  /** @param missing returns the error if the document has an OT type that this host lacks */
  constructor(private readonly record: DocRecord, private readonly missing: () => Error | undefined) {}

  /**
   * Applies an op of a tab that was made at the current revision, and queues it for the server.
   * @param callback called once, when the server has answered
   * @returns the error if the op can't be applied. In that case nothing has changed.
   */
  submit(submission: Submission, callback: Callback): Error | undefined {
    const {owner, seq, source, submitSource} = submission;
    const {record} = this;
    const {doc, isReplaying} = record;
    const {type} = doc;
    const unusable = this.unusable(submission.step);
    if (unusable) return unusable;
    const step = isReplaying ? submission.step : correctedStep(submission.step, doc);
    const preventCompose = submission.preventCompose || (!isReplaying && this.preventsCompose(owner, submitSource));
    const id = submission.id ?? (isReplaying ? undefined : this.nextIdentity());
    // The JSON is made before the op is applied, because json0 may change the op then.
    const text = record.journal && !isReplaying && JSON.stringify({
      t: 'submit', step, owner, seq, source, id,
      ...(submitSource && {submitSource}), ...(preventCompose && {preventCompose})
    } satisfies JournalRecord);
    const op: RealOp = {...(step as RealOp), owner, submitSource, ...(id && {src: id[0], seq: id[1]})};
    // json0 changes the data in place, component by component, so a failure may leave some components applied.
    const mayStopHalfWay = !isReplaying && Array.isArray(step.op) && step.op.length > 1 && type?.name === 'json0';
    const failure = mayStopHalfWay && isLocal(doc.collection) ? dryRun(type, step.op as Json0Component[], doc.data) : undefined;
    if (failure) return notApplied(failure);
    noteInvertible(op, doc);
    const {isInvertible} = op;
    // The op is applied before it is queued. In upstream's order, a failure could only be undone by a hard rollback.
    record.author = {src: owner, seq};
    // An op whose source is sent to the server is not sent to tabs before it is written: they could replay it only without the source.
    if (record.journal?.sendsBeforeWrite && 'op' in step && !submitSource && !submission.isTogether) record.storedElsewhere = 'tab';
    try {
      doc._otApply(op, source || true);
    } catch (error) {
      if (mayStopHalfWay) doc._hardRollback(error as Error);
      return notApplied(error);
    } finally {
      record.author = undefined;
      record.storedElsewhere = undefined;
    }
    const position = text ? record.write(text, false, submission.isTogether) : 0;
    doc.preventCompose = preventCompose;
    doc.submitSource = submitSource;
    callback.origin = [owner, seq];
    withFastType(doc, () => doc._pushOp(op, source || true, callback));
    // Upstream queues an op before it is applied, with the type before the op. A creation or deletion has changed the type by now.
    if (op.callbacks) op.type = fastType(type);
    // The op may have been composed into the last pending op.
    const queued = doc.pendingOps.at(-1);
    if (queued) {
      queued.writeNumber = position;
      queued.isInvertible = !!queued.isInvertible && !!isInvertible;
      record.notePlaced(queued);
    }
    this.flushSoon();
    return undefined;
  }

  private unusable(step: Step): Error | undefined {
    const {doc, events} = this.record;
    const {type} = doc;
    if (type) return ot.checkSubmittedOpForType?.(type, step);
    const missing = this.missing();
    if (missing) return missing;
    const unknown = missingType(step.create?.type, doc);
    if (unknown) events.onMissingType(unknown, true);
    return unknown ?? ot.checkSubmittedOpForType?.(type, step);
  }

  /**
   * Whether the op must not be composed into the last one. Ops of two tabs stay separate, so that the server can reject one without the
   * other. An op that may have been sent stays unchanged. This does not apply to a replayed op, which is composed as it was the first time:
   * otherwise the server would get it again as a part of another op.
   */
  private preventsCompose(owner: string, submitSource: boolean): boolean {
    const {doc} = this.record;
    const last = doc.pendingOps.at(-1);
    return last ? last.owner !== owner || last.submitSource !== submitSource || last.sentAt !== undefined : !!doc.inflightOp;
  }

  /**
   * Returns the identity of the next op. It is written with the op's record, so that sending the op needs no commit of its own. Undefined
   * before the first handshake, in which the server assigns an id to the connection.
   */
  private nextIdentity(): Identity | undefined {
    const {journal, doc: {connection}} = this.record;
    return journal && typeof connection.id === 'string' ? [connection.id, connection.seq++] : undefined;
  }

  /** Flushes in the next tick, once for all ops of a turn. */
  private flushSoon(): void {
    if (this.willFlush) return;
    this.willFlush = true;
    nextTick(() => {
      this.willFlush = false;
      this.record.doc.flush();
    });
  }

  /** Returns the error with which a step would fail now; undefined if it can be applied. Nothing is changed. */
  trial(step: Step): Error | undefined {
    const {doc} = this.record;
    const {type} = doc;
    if (step.create) return type ? alreadyCreated() : this.missing() ?? missingType(step.create.type, doc);
    if (!type) return docMissing(doc);
    if (step.del) return undefined;
    const badForm = ot.checkSubmittedOpForType?.(type, step);
    if (badForm) return badForm;
    try {
      if (type.name === 'json0') return dryRun(type, correctedStep(step, doc).op as Json0Component[], doc.data);
      // Other types do not change the data in place.
      type.apply(doc.data, JSON.parse(JSON.stringify(step.op)));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}
