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

/** What becomes of the ops that a tab has handed to its host: the server answers, or the host loses its state and takes them back. */

/** The server has answered ops that have their place in the history. */
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

/** The host has lost its state. So has this document, if that state contained ops of this tab. */
export function handleRollback(doc: DocState, inc: number): void {
  if (!doc.isCurrent(inc) || !doc.hasWritePending()) return;
  rollBack(doc);
  doc._isInHardRollback = true;
  doc._setType(null);
  doc.unconfirmed.clear();
}

/** The host's state is back, or another state that no steps lead to. */
export function handleReset(doc: DocState, {inc, snapshot, loadError, outcomes, unsettled = [], error}: ResetMessage): void {
  // Otherwise the document has started anew meanwhile. The outcomes of its ops are valid all the same.
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

/** The server refuses to give the document: its content is no longer shown. */
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
  if (error) Completion.muteTogether(op.callbacks);
  for (const callback of op.callbacks) callback?.(error);
}

/** One error object for all ops that it concerns, so that one `error` event reports it. */
function sameAs(known: CodedError, {code, message}: ErrorData): CodedError {
  return known.code === code && known.message === message ? known : decodeError({code, message});
}
