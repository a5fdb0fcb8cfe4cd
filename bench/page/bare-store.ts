import {type DBSchema, type IDBPDatabase, openDB} from 'idb';

interface Schema extends DBSchema {
  records: {key: [string, string, number]; value: {n: number; record: string}};
}

/** Plain IndexedDB, as the baseline for the measured store. */
export type BareStore = IDBPDatabase<Schema>;

export function openBareStore(name: string): Promise<BareStore> {
  return openDB<Schema>(`bare:${name}`, 1, {
    upgrade: database => void database.createObjectStore('records')
  });
}

/** Writes one record in one transaction. */
export async function put(store: BareStore, d: string, n: number, record: string): Promise<void> {
  const transaction = store.transaction('records', 'readwrite', {durability: 'relaxed'});
  await Promise.all([transaction.objectStore('records').put({n, record}, ['bench', d, n]), transaction.done]);
}
