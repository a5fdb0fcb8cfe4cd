import {appliedTo} from '../../ot/applied.js';
import {isSame} from '../../ot/same.js';
import {withCode} from '../../protocol/errors.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {DocState} from './doc-state.js';
import {noteDown} from './hand-over.js';
import {isUnknown, missingType} from './known-types.js';
import {loseUnsent} from './lose-unsent.js';

/** Functions that set the state of a tab's document to a state of the host. */

/** Sets a document without unsent ops to a state of the host, and emits `load`. */
export function load(doc: DocState, {v, type, data, rev, isMixed = false}: SnapshotData): void {
  if (isUnknown(type)) return loseState(doc, type!);
  takePosition(doc, rev, isMixed);
  doc.version = v;
  doc._setType(type);
  doc._setData(deserialized(doc, data));
  doc.emit('load');
  doc.callWaiting();
}

/** Sets the document's position in the history of a host, whose state it has. */
function takePosition(doc: DocState, rev: number | undefined, isMixed: boolean): void {
  doc.isMixed = isMixed;
  doc.rev = rev ?? null;
  doc.ingestedSnapshot = undefined;
  doc.unconfirmed.clear();
  noteDown(doc);
}

/** Removes the state, because the document has an OT type that this page lacks, and emits an error. */
export function loseState(doc: DocState, type: string): void {
  doc.startAnew();
  doc.version = null;
  doc._setType(null);
  doc.emit('error', missingType(doc, type));
}

/** Replaces the state by another one to which no op leads. Emits `del` if the document does not exist in it, otherwise `load`. */
export function replaceBy(doc: DocState, snapshot: SnapshotData): void {
  if (doc.hasUnsent) {
    doc.rev = null;
    // As in ShareDB, a creation is refused if the document already exists.
    if (doc.unsent.some(({create}) => create)) return doc._hardRollback(withCode('ERR_DOC_ALREADY_CREATED', 'Document already created'));
    return loseUnsent(doc);
  }
  const oldData: unknown = doc.data;
  if (!doc.type || snapshot.type) return load(doc, snapshot);
  doc.unconfirmed.clear();
  noteDown(doc);
  doc.rev = snapshot.rev ?? null;
  doc.version = snapshot.v;
  doc._setType(null);
  doc.emit('del', oldData, false);
}

/** Replaces the data by the host's, in which ops may have another order, and applies the unsent ops to it. */
export function replaceBelow(doc: DocState, {data}: SnapshotData): void {
  const {type, unsent} = doc;
  // After a creation or a deletion, the data do not depend on the host's state.
  if (!type || unsent.some(op => !('op' in op))) return;
  try {
    doc._setData(appliedTo(deserialized(doc, data), type, unsent));
  } catch (error) {
    return doc._hardRollback(error as Error);
  }
  doc.emit('load');
}

/**
 * Continues from the state of a host without this document's history, if the unsent ops lead from that state to the present data. In that
 * case they were made on the same content.
 * @returns whether the document continues
 */
export function continueFrom(doc: DocState, {v, type, data, rev, isMixed = false}: SnapshotData): boolean {
  const {type: mine, unsent} = doc;
  if (!mine || mine.uri !== type || doc.unsettled.length || unsent.some(op => !('op' in op))) return false;
  try {
    if (!isSame(appliedTo(deserialized(doc, data), mine, unsent), doc.data)) return false;
  } catch {
    return false;
  }
  doc.version = v;
  takePosition(doc, rev, isMixed);
  doc.flush();
  doc.callWaiting();
  return true;
}

/** Data in the form in which the type's ops apply to them. */
export function deserialized({type}: DocState, data: unknown): unknown {
  return type?.deserialize ? type.deserialize(data) : data;
}
