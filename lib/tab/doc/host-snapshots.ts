import {appliedTo} from '../../ot/applied.js';
import {isSame} from '../../ot/same.js';
import {withCode} from '../../protocol/errors.js';
import type {SnapshotData} from '../../protocol/messages.js';
import type {DocState} from './doc-state.js';
import {noteDown} from './hand-over.js';
import {isUnknown, missingType} from './known-types.js';
import {loseUnsent} from './lose-unsent.js';

/** The ways in which a state of the host becomes the state of a tab's document. */

/** Shows a state of the host. The document has no unsent ops. */
export function load(doc: DocState, {v, type, data, rev, isMixed = false}: SnapshotData): void {
  if (isUnknown(type)) return loseState(doc, type!);
  takePosition(doc, rev, isMixed);
  doc.version = v;
  doc._setType(type);
  doc._setData(deserialized(doc, data));
  doc.emit('load');
  doc.callWaiting();
}

/** The document has a position in the history of a host, and its state is the host's. */
function takePosition(doc: DocState, rev: number | undefined, isMixed: boolean): void {
  doc.isMixed = isMixed;
  doc.rev = rev ?? null;
  doc.ingestedSnapshot = undefined;
  doc.unconfirmed.clear();
  noteDown(doc);
}

/** The host has changed to a type that this page does not know. */
export function loseState(doc: DocState, type: string): void {
  doc.startAnew();
  doc.version = null;
  doc._setType(null);
  doc.emit('error', missingType(doc, type));
}

/** Another state, from outside: a deletion if the document does not exist there, otherwise a load. */
export function replaceBy(doc: DocState, snapshot: SnapshotData): void {
  if (doc.hasUnsent) {
    doc.rev = null;
    // As in ShareDB, a creation that meets another one is refused.
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

/** Replaces the state, which other steps have led to, by the host's. The unsent ops are made on it. */
export function replaceBelow(doc: DocState, {data}: SnapshotData): void {
  const {type, unsent} = doc;
  // Behind a creation or a deletion, nothing of the state is shown.
  if (!type || unsent.some(op => !('op' in op))) return;
  try {
    doc._setData(appliedTo(deserialized(doc, data), type, unsent));
  } catch (error) {
    return doc._hardRollback(error as Error);
  }
  doc.emit('load');
}

/**
 * Continues from the state of a host without this document's history, if the unsent ops lead from it to the present data: then they were
 * made on the same content.
 * @returns whether they do
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
