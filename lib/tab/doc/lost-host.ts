import {appliedTo} from '../../ot/applied.js';
import {isSame} from '../../ot/same.js';
import {sendAllAgain, takeAll, unansweredOf} from '../../ot/tab-ops.js';
import {encodeError} from '../../protocol/errors.js';
import type {DocState} from './doc-state.js';
import {deserialized} from './host-snapshots.js';
import {lostOp} from './lose-unsent.js';
import {callEach} from './op-outcomes.js';

/** Handles documents whose history the current host does not have. */

/**
 * Handles a change to a host without this document's history. The data stay until the document is loaded again. Ops without the server's
 * answer become dead letters, except for creations, which the tab sends again.
 */
export function handleHostReplaced(doc: DocState): void {
  if (doc.rev === null && !doc.unsettled.length && !doc.opsAwaitingReset) return;
  if (!doc.opsAwaitingReset && unansweredOf(doc)[0]?.create && createAnew(doc)) return;
  // The host's reset will not arrive. For a rollback of the document itself, ShareDB emits its end.
  if (doc.opsAwaitingReset) doc._isInHardRollback = false;
  const {ops, madeAt} = takeAll(doc);
  doc.startAnew();
  if (!ops.length) return;
  // The data still contain the lost ops.
  doc.isMixed = true;
  const error = lostOp(doc);
  doc.connection.reportLost(doc, ops, encodeError(error), madeAt);
  for (const op of ops) callEach(op, error);
  doc._emitNothingPending();
  // A request of a destroyed document would remove a document of the same name that was opened since.
  if (doc.wantSubscribe || doc.isDestroyed) return;
  doc.fetch();
}

/** Handles `doc.lost`: the host does not have this document's history. */
export function handleLost(doc: DocState, inc: number): void {
  if (!doc.isCurrent(inc)) return;
  handleHostReplaced(doc);
  doc.handleLinked();
}

/**
 * Sends a creation, and this tab's ops on it, again. They need no history, so any host accepts them. The host lacks the ops that other
 * tabs made on the creation, so the tab shows the document without those.
 * @returns whether this is possible
 */
function createAnew(doc: DocState): boolean {
  const {type} = doc;
  const unanswered = unansweredOf(doc);
  const data: unknown = doc.data;
  let own = data;
  try {
    const from = unanswered.findLastIndex(({create}) => create);
    const made = unanswered[from]!.create!.data;
    if (type) own = appliedTo(type.createDeserialized?.(made) ?? deserialized(doc, type.create(made)), type, unanswered.slice(from + 1));
  } catch {
    return false;
  }
  sendAllAgain(doc);
  doc.startAnew();
  if (!isSame(own, data)) {
    doc._setData(own);
    doc.emit('load');
  }
  return true;
}
