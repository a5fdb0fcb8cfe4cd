import {decodeError} from '../../protocol/errors.js';
import type {Callback, RealOp} from '../upstream.js';
import type {Checkpoint, JournalRecord, Restored} from './doc-journal.js';
import type {DocRecord} from './doc-record.js';
import {missingType} from './missing-type.js';
import type {Submission} from './op-submission.js';
import {restoredOp, type SettleOf} from './real-ops.js';
import {giveInverse} from './soft-rollback.js';

export interface JournalReplayOwner {
  submit(submission: Submission, callback: Callback): Error | undefined;
  takeBack(error: Error): void;
}

/** Restores a document from its checkpoint and the records of the journal since. */
export class JournalReplay {
  /** The first error of a replay. Upstream does not throw if a type is not registered, but emits an error. */
  private error: Error | undefined;

  constructor(private readonly record: DocRecord, private readonly owner: JournalReplayOwner) {}

  noteError(error: Error): void {
    this.error ??= error;
  }

  /**
   * Restores the document.
   * @param settleOf returns the callback for each op of a tab
   * @throws the error of a record that can't be replayed, or of an unknown OT type
   */
  restore({checkpoint, snapshot, records}: Restored, settleOf: SettleOf): void {
    const {record} = this;
    const {doc} = record;
    record.isReplaying = true;
    try {
      if (checkpoint) this.restoreCheckpoint(checkpoint, settleOf);
      if (snapshot) record.cacheSnapshot(snapshot);
      for (const each of records) {
        this.replay(each, settleOf);
        if (this.error) throw this.error;
      }
    } finally {
      record.isReplaying = false;
      this.error = undefined;
    }
    // As after a lost connection, the op that was in flight is sent again with its identity.
    if (doc.inflightOp) doc.pendingOps.unshift(doc.inflightOp);
    doc.inflightOp = null;
    // An op with an identity may have been sent even if no record says so. Nothing may be composed into it.
    for (const op of doc.pendingOps) if (op.src !== undefined) op.sentAt ??= 1;
    doc.flush();
  }

  private restoreCheckpoint({v, type, data, rev, history, pending, placed}: Checkpoint, settleOf: SettleOf): void {
    const {record} = this;
    const {doc} = record;
    const missing = missingType(type, doc);
    if (missing) throw missing;
    doc._setType(type);
    if (type !== null) doc._setData(doc.type?.deserialize ? doc.type.deserialize(data) : data);
    doc.version = v;
    record.recordedVersion = v;
    doc.pendingOps = pending.map(stored => restoredOp(stored, settleOf));
    record.placed.restore(placed);
    for (const op of doc.pendingOps) record.notePlaced(op);
    record.history.restore(rev, history, history.length || pending.length ? null : v);
    if (doc.pendingOps[0]?.isSent) doc.inflightOp = doc.pendingOps.shift()!;
  }

  private replay(entry: JournalRecord, settleOf: SettleOf): void {
    const {record} = this;
    const {doc} = record;
    switch (entry.t) {
      case 'submit': {
        const {step, owner, seq, source, submitSource = false, preventCompose = false, id} = entry;
        const error = this.owner.submit({step, owner, seq, source, submitSource, preventCompose, id}, settleOf(owner, seq));
        if (error) throw error;
        return;
      }
      case 'nothing': {
        const settle = settleOf(entry.owner, entry.seq);
        record.push('{}', {src: entry.owner, seq: entry.seq});
        return settle();
      }
      case 'send': {
        const op = record.takeUp();
        if (op) Object.assign(op, {src: entry.src, seq: entry.seq});
        return;
      }
      case 'message': {
        const {src, seq} = entry.message as RealOp;
        const [next] = doc.pendingOps;
        if (next && next.src === src && next.seq === seq) record.takeUp();
        return doc._handleOp(null, entry.message);
      }
      case 'reject': {
        const refused = record.takeUp();
        if (!refused) return;
        if (entry.inverse !== undefined) giveInverse(refused, entry.inverse);
        return this.owner.takeBack(decodeError(entry.error));
      }
      case 'clear':
        if (record.takeUp()) doc._clearInflightOp();
        return;
      default:
        entry satisfies never;
        throw new Error('A journal record of an unknown kind');
    }
  }
}
