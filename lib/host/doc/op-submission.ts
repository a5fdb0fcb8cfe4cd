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
  /** It belongs to a transaction: it is written, and told, together with the other parts. */
  isTogether?: boolean;
  /** The identity in the journal if it is submitted again, or the one by which the server may know it already. */
  id?: Identity | undefined;
}

/** Applies the ops of tabs to the real document, writes them to the journal and queues them for the server. */
export class OpSubmission {
  private willFlush = false;

  /** @param missing the error if the document has a type that this host does not know */
  constructor(private readonly record: DocRecord, private readonly missing: () => Error | undefined) {}

  /**
   * Applies an op of a tab that was made at the current revision, and queues it for the server.
   * @param callback called once, when the server has answered
   * @returns the error if the op can't be applied; nothing has changed then
   */
  submit(submission: Submission, callback: Callback): Error | undefined {
    const {owner, seq, source, submitSource} = submission;
    const {record} = this;
    const {doc, isReplaying} = record;
    const {type} = doc;
    const unusable = this.unusable(submission.step);
    if (unusable) return unusable;
    const step = isReplaying ? submission.step : correctedStep(submission.step, doc);
    const preventCompose = submission.preventCompose || (!isReplaying && this.mustStayApart(owner, submitSource));
    const id = submission.id ?? (isReplaying ? undefined : this.nextIdentity());
    // The JSON is made before the op is applied: json0 may change it then.
    const text = record.journal && !isReplaying && JSON.stringify({
      t: 'submit', step, owner, seq, source, id,
      ...(submitSource && {submitSource}), ...(preventCompose && {preventCompose})
    } satisfies JournalRecord);
    const op: RealOp = {...(step as RealOp), owner, submitSource, ...(id && {src: id[0], seq: id[1]})};
    // json0 changes the data in place, component by component.
    const mayStopHalfWay = !isReplaying && Array.isArray(step.op) && step.op.length > 1 && type?.name === 'json0';
    const failure = mayStopHalfWay && isLocal(doc.collection) ? dryRun(type, step.op as Json0Component[], doc.data) : undefined;
    if (failure) return notApplied(failure);
    noteInvertible(op, doc);
    const {isInvertible} = op;
    // The op is applied before it is queued. In upstream's order, a failure would leave a hard rollback as the only way back.
    record.author = {src: owner, seq};
    // An op whose source goes to the server waits for the journal: another tab does not know the source.
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
    // Upstream queues before it applies: an op has the type that it was made for.
    if (op.callbacks) op.type = fastType(type);
    // The op may have been composed into one that was queued before.
    const queued = doc.pendingOps.at(-1);
    if (queued) {
      queued.place = position;
      queued.isInvertible = !!queued.isInvertible && !!isInvertible;
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
   * Whether the op must not be composed into the last one. Ops of two tabs stay two ops, so that the server can reject one without
   * the other. An op that may have been sent stays as it is. A replayed op is composed as it was the first time: otherwise the server
   * would get it a second time, as part of another op.
   */
  private mustStayApart(owner: string, submitSource: boolean): boolean {
    const {doc} = this.record;
    const last = doc.pendingOps.at(-1);
    return last ? last.owner !== owner || last.submitSource !== submitSource || last.sentAt !== undefined : !!doc.inflightOp;
  }

  /**
   * The number by which the server will know the op. With it in the record of the op, sending needs no commit of its own. There is
   * none before the first handshake: the server has not assigned an id to the connection.
   */
  private nextIdentity(): Identity | undefined {
    const {journal, doc: {connection}} = this.record;
    return journal && typeof connection.id === 'string' ? [connection.id, connection.seq++] : undefined;
  }

  /** Sends once in a turn, however many ops come in it. */
  private flushSoon(): void {
    if (this.willFlush) return;
    this.willFlush = true;
    nextTick(() => {
      this.willFlush = false;
      this.record.doc.flush();
    });
  }

  /** @returns the error that a step would end with now. Nothing is changed */
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
      // Other types make new data.
      type.apply(doc.data, JSON.parse(JSON.stringify(step.op)));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}
