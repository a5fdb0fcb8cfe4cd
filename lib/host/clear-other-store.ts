import type {Clock} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import {TabsError} from '../protocol/errors.js';
import {IndexedDbStorage} from '../store/indexed-db-storage.js';
import {clearingValues} from '../store/stored-clearing.js';

/** The suffix of the name of the store for direct connections. */
const DIRECT = '/direct';
/** Time limit for each step, in ms. */
const CLEAR_MS = 3000;

/**
 * Deletes the namespace's other database: that of direct connections if this host is shared, otherwise that of the shared host. Rejects
 * with ERR_TABS_STORAGE_TIMEOUT if the storage does not answer.
 * @param name the name of the database that this host uses
 * @param clearing is kept there, for hosts that do not receive it
 */
export async function clearOtherStore(name: string, clock: Clock, clearing: Clearing | undefined): Promise<void> {
  if (!IndexedDbStorage.isAvailable()) return;
  const other = new IndexedDbStorage();
  await bounded(clock, other.open(name.endsWith(DIRECT) ? name.slice(0, -DIRECT.length) : name + DIRECT));
  await bounded(clock, other.clear(clearingValues(clearing)));
}

function bounded<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(CLEAR_MS, () => reject(new TabsError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    work.finally(cancel).then(resolve, reject);
  });
}
