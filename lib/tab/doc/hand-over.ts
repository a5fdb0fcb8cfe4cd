import {markedStepOf} from '../../ot/step.js';
import {madeAtOf, returnTo, unansweredOf, unsentOf} from '../../ot/tab-ops.js';
import type {OrphanedOpsMessage, Position, SentOp, UnconfirmedOp} from '../../protocol/messages.js';
import type {PendingOp} from '../upstream.js';
import type {DocState} from './doc-state.js';
import {submitOptions} from './submit-options.js';

/** The ops that a tab sends to a host, or keeps for the next host, so that none is lost or applied twice. */

/** Gives the op the `src` and `seq` with which it is sent. After this, no other op is composed into it. */
export function identify(doc: DocState, op: PendingOp): SentOp {
  const {connection} = doc;
  op.src ??= connection.id!;
  op.seq ??= connection.seq++;
  op.sentAt ??= Date.now();
  return {seq: op.seq, step: markedStepOf(op), x: submitOptions(doc, op)};
}

/** Returns the ops that the host has not confirmed, for the next host; undefined if there are none. */
export function orphanedOpsOf(doc: DocState): OrphanedOpsMessage['docs'][number] | undefined {
  const {unconfirmed, unsettled} = doc;
  const waiting = [...tentativeOf(doc), ...unsentOf(doc)];
  if (!waiting.length && !unsettled.some(op => unconfirmed.has(op))) return undefined;
  const rev = unconfirmed.start ?? doc.rev;
  return {
    c: doc.collection, d: doc.id, rev, ops: waiting.map(op => identify(doc, op)), unconfirmed: unconfirmed.ops, ...onlyHostOf(doc),
    v: waiting[0] === unansweredOf(doc)[0] ? madeAtOf(doc) : undefined
  };
}

/** A document with its position in the history of the last host. */
export interface ResumingDoc extends DocState {
  readonly position: Position;
}

/** Returns a document's part of `tab.resume`: its position, and the steps and ops that the host may lack. */
export function resumptionOf(doc: ResumingDoc): object {
  const {inc, rev} = doc.position;
  const {ops} = doc.unconfirmed;
  return {
    c: doc.collection, d: doc.id, inc, rev, unsettled: unansweredOf(doc).flatMap(({seq}) => seq ?? []), ...(doc.opsAwaitingReset && {awaitsReset: true}),
    ...(ops.length && {unconfirmed: ops}), ...onlyHostOf(doc)
  };
}

/** The host that alone has the document's revision, if its store had failed when it sent the revision. */
function onlyHostOf({unconfirmed: {onlyHost}}: DocState): {onlyHost?: string} {
  return onlyHost === undefined ? {} : {onlyHost};
}

/**
 * Whether the document has ops without the server's answer that depend on the history of the last host, or that may have been sent to
 * that host.
 */
export function hasOpsOfHost(doc: DocState): boolean {
  return unansweredOf(doc).some(({seq}) => doc.rev !== null || (seq ?? null) !== null);
}

/**
 * Returns the document to the last revision that each host of the lineage has, because the tab continues with a host, perhaps the same one.
 * The steps that this tab replays, and its later ops, lead from there to the same data.
 * @returns whether one host alone has the revision, so that the next host has to confirm it
 */
export function fallBack(doc: DocState): boolean {
  const {unconfirmed} = doc;
  const {start} = unconfirmed;
  if (start !== undefined && doc.rev !== null) {
    returnTo(doc, start, tentativeOf(doc));
    unconfirmed.fallBack();
  }
  unconfirmed.resume(doc.connection.hostEpoch);
  return unconfirmed.onlyHost !== undefined;
}

/** The tab's own ops that it sends again, because the host that has placed them may not have written them. */
function tentativeOf({unconfirmed, unsettled}: DocState): PendingOp[] {
  return unconfirmed.tentative.filter(op => unsettled.includes(op));
}

/** Records a step that the host may not have written: see `UnconfirmedSteps.add`. @param rev the document's revision before the step */
export function noteUnconfirmed(doc: DocState, rev: number | null, change?: UnconfirmedOp, op?: PendingOp): void {
  const {unconfirmedDocs} = doc.connection;
  const batch = unconfirmedDocs.note(doc);
  if (batch === undefined) return;
  if (unconfirmedDocs.hostIsDown) noteDown(doc);
  else if (rev !== null) doc.unconfirmed.add(batch, rev, change, op);
}

/** Records that only the current host has the present step, if its store has failed. Another host may have another history from here on. */
export function noteDown(doc: DocState): void {
  const {hostEpoch, unconfirmedDocs} = doc.connection;
  if (!unconfirmedDocs.hostIsDown) return;
  const batch = unconfirmedDocs.note(doc);
  if (batch !== undefined) doc.unconfirmed.begin(batch, hostEpoch);
}
