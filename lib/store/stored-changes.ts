import type {Queued} from './coalesce.js';
import type {StoredDoc} from './storage.js';

export const emptyDoc = (): StoredDoc => ({checkpoint: undefined, journal: []});

/** Applies a change to a stored document. The document may contain the change already, if it was read after the write. */
export function applyChange(stored: StoredDoc, change: Exclude<Queued, {type: 'meta'}>): void {
  switch (change.type) {
    case 'append':
      stored.journal = [...stored.journal.filter(({n}) => n < change.n), {n: change.n, record: change.record}];
      return;
    case 'checkpoint':
      stored.checkpoint = change.checkpoint;
      stored.journal = stored.journal.filter(({n}) => n > change.n);
      return;
    case 'remove':
    case 'quarantine':
      stored.checkpoint = undefined;
      stored.journal = [];
  }
}
