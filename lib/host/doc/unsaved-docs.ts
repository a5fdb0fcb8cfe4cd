import {isLocal} from '../../protocol/local.js';
import {MAX_UNSAVED_DOCS, type UnsavedDoc} from '../../protocol/host-status.js';
import type {DeadLetter} from '../../protocol/messages.js';

/**
 * Lists the documents with edits that the server does not have: first those with refused edits, then those with pending ones.
 * @returns an object without `unsaved` if there are none, so that most statuses do not contain it
 */
export function unsavedDocs(
  docs: Iterable<{collection: string; id: string; pendingOps: number}>, letters: readonly Pick<DeadLetter, 'collection' | 'doc'>[]
): {unsaved?: UnsavedDoc[]} {
  const unsaved = new Map<string, UnsavedDoc>();
  const entry = (collection: string, id: string): UnsavedDoc | undefined => {
    const key = JSON.stringify([collection, id]);
    const known = unsaved.get(key);
    if (known || unsaved.size >= MAX_UNSAVED_DOCS) return known;
    const added = {collection, id, pendingOps: 0, refusedOps: 0};
    unsaved.set(key, added);
    return added;
  };
  for (const {collection, doc} of letters) {
    const found = entry(collection, doc);
    if (found) found.refusedOps++;
  }
  for (const {collection, id, pendingOps} of docs) {
    const found = pendingOps && !isLocal(collection) ? entry(collection, id) : undefined;
    if (found) found.pendingOps = pendingOps;
  }
  return unsaved.size ? {unsaved: [...unsaved.values()]} : {};
}
