import {afterReset} from '../../ot/after-reset.js';
import {madeAtOf, rollBack, settle, takeAll} from '../../ot/tab-ops.js';
import {decodeError, withCode, type ErrorData} from '../../protocol/errors.js';
import type {RefusedMessage, ResetMessage, SettledMessage} from '../../protocol/messages.js';
import {Completion} from '../completion.js';
import type {CodedError} from '../events.js';
import type {PendingOp} from '../upstream.js';
import type {DocState} from './doc-state.js';
import {noteDown} from './hand-over.js';
import {replaceBy} from './host-snapshots.js';

/** Handles the outcomes of ops that a tab has sent to its host: the server's answers, and rollbacks and resets of the host. */

/** Handles `doc.settled`: the server has answered ops that the host had placed. */
export function handleSettled(doc: DocState, {seqs, error, silent}: Pick<SettledMessage, 'seqs' | 'error' | 'silent'>): void {
  const ops = settle(doc, new Set(seqs));
  if (!ops.size) return;
  const {connection} = doc;
  if (connection.unconfirmedDocs.hostIsDown) noteDown(doc);
  else doc.unconfirmed.confirmOps(ops);
  const outcome = error ? decodeError(error) : silent ? null : undefined;
  if (!error && !silent) doc.savedAt = connection.clock.now();
  for (const op of ops) callEach(op, outcome);
  doc.flush();
  doc._emitNothingPending();
}

/** Handles `doc.rollback`: the host has no state at present. Removes this document's state, if the tab has unacknowledged ops. */
export function handleRollback(doc: DocState, inc: number): void {
  if (!doc.isCurrent(inc) || !doc.hasWritePending()) return;
  rollBack(doc);
  doc._isInHardRollback = true;
  doc._setType(null);
  doc.unconfirmed.clear();
}

/** Handles `doc.reset`: the host has a state again after a rollback, or a state to which no steps lead. */
export function handleReset(doc: DocState, {inc, snapshot, loadError, outcomes, unsettled = [], error}: ResetMessage): void {
  // If the message is for an earlier incarnation, only the outcomes of the ops apply.
  const isCurrent = doc.isCurrent(inc);
  if (isCurrent && !doc.opsAwaitingReset && doc.hasWritePending()) handleRollback(doc, inc);
  const {opsAwaitingReset: ops} = doc;
  const madeAt = madeAtOf(doc);
  doc.opsAwaitingReset = undefined;
  if (isCurrent) {
    doc._isInHardRollback = false;
    if (snapshot) replaceBy(doc, snapshot);
    if (loadError) doc.emit('error', withCode('ERR_HARD_ROLLBACK_FETCH_FAILED', `Hard rollback fetch failed: ${loadError.message}`));
  } else {
    for (const {seq, error} of outcomes) handleSettled(doc, {seqs: [seq], ...(error && {error})});
  }
  if (!ops) return;
  const failure = decodeError(error);
  const {kept, ended, lost} = afterReset(ops, outcomes, unsettled);
  doc.unsettled.unshift(...kept);
  doc.connection.reportLost(doc, lost, error, lost[0] === ops[0] && lost.at(-1) === ops[ops.length - 1] ? madeAt : undefined);
  for (const {op, outcome} of ended) callEach(op, outcome ? outcome.error && sameAs(failure, outcome.error) : failure);
  // After a complete rollback, ShareDB emits the error before it emits that nothing is pending.
  doc.emitUncaught();
  doc.flush();
  doc._emitNothingPending();
}

/** Handles `doc.refused`: the server refuses to return the document, so its content is removed. */
export function handleRefused(doc: DocState, {inc, error, silent}: RefusedMessage): void {
  if (!doc.isCurrent(inc)) return;
  const failure = decodeError(error);
  const {type, data} = doc as {type: unknown; data: unknown};
  const {ops, madeAt} = takeAll(doc);
  doc.startAnew();
  doc.version = null;
  doc._setType(null);
  if (ops.length) doc.connection.reportLost(doc, ops, error, madeAt);
  for (const op of ops) callEach(op, failure);
  if (type) doc.emit('del', data, false);
  if (!silent && error.code !== 'ERR_SNAPSHOT_READ_SILENT_REJECTION') doc.emit('error', failure);
  doc._emitNothingPending();
}

/** Calls back for one op. */
export function callEach(op: PendingOp, error: Error | null | undefined): void {
  if (error) Completion.muteIfHandled(op.callbacks);
  for (const callback of op.callbacks) callback?.(error);
}

/** One error object for all ops that it concerns, so that one `error` event reports it. */
function sameAs(known: CodedError, {code, message}: ErrorData): CodedError {
  return known.code === code && known.message === message ? known : decodeError({code, message});
}
