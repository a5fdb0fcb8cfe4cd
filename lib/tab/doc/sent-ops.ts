import {markedStepOf} from '../../ot/step.js';
import {place, takeBack, takeRun} from '../../ot/tab-ops.js';
import {MAX_RUN, type OpRequest, type Position, type PositionedMessage, type SentOp} from '../../protocol/messages.js';
import type {PendingOp} from '../upstream.js';
import type {DocState, OpMessage} from './doc-state.js';
import {identify, noteDown, noteUnconfirmed} from './hand-over.js';
import {replaceBelow} from './host-snapshots.js';
import {submitOptions} from './submit-options.js';

/** Sends ops to the host, and handles the host's answers about their places in the history. */

/**
 * The ops that are sent together with the op in flight, so that they need no round trip each. An app that pauses the document can observe
 * which ops have been sent. For such an app only one is sent at a time, as in ShareDB.
 */
function sentWith(doc: DocState): SentOp[] {
  return takeRun(doc, doc.wasPaused ? 0 : MAX_RUN - 1).map(op => identify(doc, op));
}

/** Returns the message with an op, and with the ops that are sent together with it. */
export function requestOf(doc: DocState & {readonly position: Position}, op: PendingOp): OpRequest {
  const message: OpRequest = {
    a: 'op', c: doc.collection, d: doc.id, at: doc.position, src: op.src ?? doc.connection.id!, seq: op.seq!, x: submitOptions(doc, op)
  };
  if ('op' in op) message.op = op.op;
  if (op.create) message.create = op.create;
  if (op.del) message.del = true;
  if (op.undo) message.undo = op.undo;
  const more = sentWith(doc);
  if (more.length) message.more = more;
  return message;
}

/** Handles the acknowledgement that the host has placed this tab's op in the history. */
export function handlePlaced(doc: DocState, message: OpMessage): void {
  const {rev} = doc;
  if (rev !== null && message.rev <= rev) return;
  const op = place(doc, message);
  if (!op) return;
  noteUnconfirmed(doc, rev, {src: message.src, seq: message.seq, ...markedStepOf(op)}, op);
  doc.ingestedSnapshot = undefined;
  doc.undoHook?.onSequenced(op);
  doc.flush();
  doc.callWaiting();
}

/**
 * Handles `doc.resend`: the host can no longer rebase the sent ops, because they were made at a too early revision. This tab has received
 * the later steps before this message, so it sends the ops again as made on the present state.
 */
export function handleResend(doc: DocState, {inc, seq}: {inc: number; seq: number}): void {
  if (doc.isCurrent(inc) && takeBack(doc, seq)) doc.flush();
}

/** Handles `doc.positioned`: the position in the host's history of the state or the steps that this tab has sent. */
export function handlePositioned(doc: DocState, {inc, rev, entries = [], snapshot}: PositionedMessage): void {
  const {unconfirmed} = doc;
  if (!doc.isCurrent(inc) || (!unconfirmed.isReturning && (doc.rev !== null || !doc.ingestedSnapshot))) return;
  doc.rev = rev;
  doc.ingestedSnapshot = undefined;
  // No op is sent meanwhile: it would have a revision that is not the host's.
  for (const message of entries) doc._handleOp(null, message);
  unconfirmed.clear();
  noteDown(doc);
  if (snapshot) replaceBelow(doc, snapshot);
  doc.flush();
  doc.callWaiting();
}
