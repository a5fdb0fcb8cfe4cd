import type {ErrorData} from '../protocol/errors.js';
import type {Change, DocKey} from './storage.js';

/** Moves all stored data of a document into quarantine. */
export interface Quarantining {
  type: 'quarantine';
  key: DocKey;
  error: ErrorData;
  /** Whether the data could not be read, or were not read. Otherwise they were read and can't be used. */
  isUnread?: true | undefined;
}

export type Queued = Change | Quarantining;

/**
 * Removes changes that later changes make superfluous: a checkpoint or a removal replaces all earlier changes of its document, and a small
 * value replaces an earlier value of its name. So the queue does not outgrow the documents while a storage fails.
 * @returns the other changes, in their order. They lead to the same result.
 */
export function coalesced(changes: readonly Queued[]): Queued[] {
  const kept: Queued[] = [];
  const names = new Set<string>();
  /** For each document, the later change that replaces its data. */
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
      // The data to quarantine include the changes before this one, so these are kept.
      replacing.delete(name);
      kept.push(change);
    } else if (later && change.type !== 'remove') {
      // The checkpoint deletes all records that the earlier changes would have added or deleted.
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
 * Groups changes by document, and small values by name, in their order. All documents with records of transactions are one group, because
 * a transaction is written as a whole.
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
