import type {ErrorData} from '../protocol/errors.js';
import type {Change, DocKey} from './storage.js';

/** Moves all that is stored of a document to where it is kept, but not used. */
export interface Quarantining {
  type: 'quarantine';
  key: DocKey;
  error: ErrorData;
}

export type Queued = Change | Quarantining;

/**
 * The changes that lead to the same result, in their order: a checkpoint makes superfluous what was to be
 * written of its document before. While a storage fails, the queue stays as small as the documents.
 */
export function coalesced(changes: readonly Queued[]): Queued[] {
  const kept: Queued[] = [];
  const names = new Set<string>();
  /** The later change that replaces all that the document had. */
  const replacing = new Map<string, Change & {type: 'checkpoint' | 'remove'}>();
  for (const change of [...changes].reverse()) {
    if (change.type === 'meta') {
      if (!names.has(change.name)) kept.push(change);
      names.add(change.name);
      continue;
    }
    const name = nameOf(change.key);
    const later = replacing.get(name);
    if (change.type === 'quarantine') {
      // Has to find what was to be written before it.
      replacing.delete(name);
      kept.push(change);
    } else if (later && change.type !== 'remove') {
      // Cuts as much of the journal as the earlier ones would have done.
      if (later.type === 'checkpoint') later.n = Math.max(later.n, change.n);
    } else if (change.type === 'append') {
      kept.push(change);
    } else if (later?.type !== 'remove') {
      const own = {...change};
      replacing.set(name, own);
      kept.push(own);
    }
  }
  return kept.reverse();
}

/** A document's key as one string. */
export const nameOf = (key: DocKey): string => JSON.stringify(key);

/**
 * The changes of each document, and each small value, by themselves: in their order. The documents of transactions are one group,
 * since a transaction is written as a whole.
 */
export function byDoc(changes: readonly Queued[]): Queued[][] {
  const groups = new Map<string, Queued[]>();
  const together = new Set(changes.flatMap(change => (change.type === 'append' && change.isTogether ? [nameOf(change.key)] : [])));
  for (const change of changes) {
    const own = change.type === 'meta' ? `meta ${change.name}` : nameOf(change.key);
    const name = together.has(own) ? 'together' : own;
    const group = groups.get(name);
    if (group) group.push(change);
    else groups.set(name, [change]);
  }
  return [...groups.values()];
}
