import type {Clock} from '../platform/platform.js';
import {TabsError} from '../protocol/errors.js';
import {IndexedDbStorage} from '../store/indexed-db-storage.js';

/** The name of a direct connection's store is that of the shared one with this suffix. */
const DIRECT = '/direct';
/** How long each step may take, in ms. */
const CLEAR_MS = 3000;

/**
 * Deletes the other database of a namespace. Tabs with a direct connection store apart from the shared host.
 * @param name of the database that this host uses
 */
export async function clearOtherStore(name: string, clock: Clock): Promise<void> {
  if (!IndexedDbStorage.isAvailable()) return;
  const other = new IndexedDbStorage();
  await bounded(clock, other.open(name.endsWith(DIRECT) ? name.slice(0, -DIRECT.length) : name + DIRECT));
  await bounded(clock, other.clear());
}

function bounded<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(CLEAR_MS, () => reject(new TabsError('ERR_TABS_STORAGE_TIMEOUT', 'The storage does not answer')));
    work.finally(cancel).then(resolve, reject);
  });
}
