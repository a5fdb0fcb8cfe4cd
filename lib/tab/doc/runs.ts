import {markedStepOf} from '../../ot/step.js';
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
function takeRun(doc: DocState): SentOp[] {
  const ops = doc.wasPaused || doc.isBehind ? [] : doc.pendingOps.slice(0, MAX_RUN - 1);
  doc.run = ops.length;
  return ops.map(op => identify(doc, op));
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
  const more = takeRun(doc);
  if (more.length) message.more = more;
  return message;
}

/** The host has given this tab's op its place: the data equal the history there. */
export function handlePlaced(doc: DocState, message: OpMessage): void {
  const {inflightOp, pendingOps} = doc;
  if (doc.rev !== null && message.rev <= doc.rev) return;
  // After a lost connection, ShareDB has moved the op back to the pending ops.
  const op = inflightOp?.seq === message.seq ? inflightOp : pendingOps[0]?.seq === message.seq ? pendingOps.shift() : undefined;
  if (!op) {
    doc.rev = message.rev;
    return;
  }
  doc.isBehind = false;
  if (op === inflightOp) doc.inflightOp = doc.run-- > 0 ? pendingOps.shift()! : null;
  noteUnconfirmed(doc, {src: message.src, seq: message.seq, ...markedStepOf(op)}, op);
  doc.rev = message.rev;
  doc.ingestedSnapshot = undefined;
  doc.version = message.v;
  doc.unsettled.push(op);
  doc.undoHook?.onSequenced(op);
  doc.flush();
  doc.callWaiting();
}

/**
 * The sent ops were made on a state from which the host no longer continues. By now this tab has the later steps: it sends one op, made
 * on the present state, and the others with the next one.
 */
export function handleResend(doc: DocState, {inc, seq}: {inc: number; seq: number}): void {
  if (!doc.isCurrent(inc) || doc.inflightOp?.seq !== seq) return;
  doc.isBehind = true;
  doc.pendingOps.unshift(doc.inflightOp);
  doc.inflightOp = null;
  doc.flush();
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
