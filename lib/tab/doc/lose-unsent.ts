import {madeAtOf, unsentOf} from '../../ot/tab-ops.js';
import {TabsError, encodeError} from '../../protocol/errors.js';
import type {DocState} from './doc-state.js';

/** The host can't continue from the state that the unsent ops were made on. They become dead letters. */
export function loseUnsent(doc: DocState, error: Error = lostOp(doc)): void {
  doc.connection.reportLost(doc, unsentOf(doc), encodeError(error), doc.unsettled.length ? undefined : madeAtOf(doc));
  doc._hardRollback(error);
}

export function lostOp({collection, id}: DocState): TabsError {
  return new TabsError('ERR_TABS_OP_LOST', `The host does not know what the op was made on. ${collection}.${id}`);
}
