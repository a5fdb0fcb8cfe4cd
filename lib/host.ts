export {Host, type HostOptions, type StoreOptions} from './host/host.js';
export type {Cipher} from './store/encryption.js';
export {IndexedDbStorage, type IndexedDbStorageOptions} from './store/indexed-db-storage.js';
export {InMemoryStorage} from './store/memory-storage.js';
export {aesGcm} from './store/aes-gcm.js';
export type {Change, DocKey, InventoryItem, Storage, StoredDoc} from './store/storage.js';
export type {OfflineQueries, QueriedDoc} from './host/queries/local-queries.js';
