import {markedStepOf} from '../../ot/step.js';
import {place, takeBack, takeRun} from '../../ot/tab-ops.js';
import {MAX_RUN, type OpRequest, type Position, type PositionedMessage, type SentOp} from '../../protocol/messages.js';
import type {PendingOp} from '../upstream.js';
import type {DocState, OpMessage} from './doc-state.js';
import {identify, noteDown, noteUnconfirmed} from './hand-over.js';
import {replaceBelow} from './host-snapshots.js';
import {submitOptions} from './submit-options.js';

/** An op and its successors on the way to the host, which gives each its place in the history. */

/**
 * The ops that leave together with the op in flight, so that they need no round trip each. An app that pauses the document can see which
 * ops have left. It finds one, as in ShareDB.
 */
function sentWith(doc: DocState): SentOp[] {
  return takeRun(doc, doc.wasPaused ? 0 : MAX_RUN - 1).map(op => identify(doc, op));
}

/** The message with an op, and with the ops that leave together with it. */
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

/** The host has given this tab's op its place: the data equal the history there. */
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
 * The sent ops were made on a state from which the host no longer continues. By now this tab has the later steps: it sends one op, made
 * on the present state, and the others with the next one.
 */
export function handleResend(doc: DocState, {inc, seq}: {inc: number; seq: number}): void {
  if (doc.isCurrent(inc) && takeBack(doc, seq)) doc.flush();
}

/** The host has the state or the steps that this tab has sent, and tells their position in its history. */
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
