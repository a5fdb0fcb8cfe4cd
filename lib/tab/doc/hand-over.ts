import {markedStepOf} from '../../ot/step.js';
import {madeAtOf, returnTo, unansweredOf, unsentOf} from '../../ot/tab-ops.js';
import type {OrphanedOpsMessage, Position, SentOp, UnconfirmedOp} from '../../protocol/messages.js';
import type {PendingOp} from '../upstream.js';
import type {DocState} from './doc-state.js';
import {submitOptions} from './submit-options.js';

/** What a tab sends to a host, or keeps for the next one, so that no op of a document is lost or applied twice. */

/** The op with the identity under which it is sent. No other op is composed into it from now on. */
export function identify(doc: DocState, op: PendingOp): SentOp {
  const {connection} = doc;
  op.src ??= connection.id!;
  op.seq ??= connection.seq++;
  op.sentAt ??= Date.now();
  return {seq: op.seq, step: markedStepOf(op), x: submitOptions(doc, op)};
}

/** The ops that the host has not confirmed, for the next host. */
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

/** The position of a document in `tab.resume`, with the steps and ops that the host may lack. */
export function resumptionOf(doc: ResumingDoc): object {
  const {inc, rev} = doc.position;
  const {ops} = doc.unconfirmed;
  return {
    c: doc.collection, d: doc.id, inc, rev, unsettled: unansweredOf(doc).flatMap(({seq}) => seq ?? []), ...(doc.opsAwaitingReset && {awaitsReset: true}),
    ...(ops.length && {unconfirmed: ops}), ...onlyHostOf(doc)
  };
}

/** The only host that certainly knows the revision, if there is only one. */
function onlyHostOf({unconfirmed: {onlyHost}}: DocState): {onlyHost?: string} {
  return onlyHost === undefined ? {} : {onlyHost};
}

/**
 * Whether the document has ops without the server's answer that only their host can send: the host that they were made with, or sent
 * to.
 */
export function hasOpsOfHost(doc: DocState): boolean {
  return unansweredOf(doc).some(({seq}) => doc.rev !== null || (seq ?? null) !== null);
}

/**
 * The tab continues with a host, perhaps the same one. The document returns to the last revision that every host knows. The steps that this
 * tab replays, and its later ops, lead from there to the same data.
 * @returns whether the host has something to confirm
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

/** The tab's own ops that it sends again, as if no host had received them. */
function tentativeOf({unconfirmed, unsettled}: DocState): PendingOp[] {
  return unconfirmed.tentative.filter(op => unsettled.includes(op));
}

/** Notes a step: see `UnconfirmedSteps.add`. @param rev the document's revision before it */
export function noteUnconfirmed(doc: DocState, rev: number | null, change?: UnconfirmedOp, op?: PendingOp): void {
  const {unconfirmedDocs} = doc.connection;
  const batch = unconfirmedDocs.note(doc);
  if (batch === undefined) return;
  if (unconfirmedDocs.hostIsDown) noteDown(doc);
  else if (rev !== null) doc.unconfirmed.add(batch, rev, change, op);
}

/** The host could not write the present step. Another host may have another history from here on. */
export function noteDown(doc: DocState): void {
  const {hostEpoch, unconfirmedDocs} = doc.connection;
  if (!unconfirmedDocs.hostIsDown) return;
  const batch = unconfirmedDocs.note(doc);
  if (batch !== undefined) doc.unconfirmed.begin(batch, hostEpoch);
}
