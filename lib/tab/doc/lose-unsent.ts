import {madeAtOf, unsentOf} from '../../ot/tab-ops.js';
import {TabsError, encodeError} from '../../protocol/errors.js';
import type {DocState} from './doc-state.js';

/** Makes dead letters of the unsent ops, because the host can't continue from the state that they were made on. */
export function loseUnsent(doc: DocState, error: Error = lostOp(doc)): void {
  doc.connection.reportLost(doc, unsentOf(doc), encodeError(error), doc.unsettled.length ? undefined : madeAtOf(doc));
  doc._hardRollback(error);
}

export function lostOp({collection, id}: DocState): TabsError {
  return new TabsError('ERR_TABS_OP_LOST', `The host does not know what the op was made on. ${collection}.${id}`);
}
