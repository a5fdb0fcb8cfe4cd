import type {Platform} from '../platform/platform.js';
import type {Clearing} from '../protocol/clearing.js';
import type {StoreDurability} from '../protocol/store-durability.js';
import {DurableStore, type DurableStoreOptions} from '../store/durable-store.js';
import type {Cipher} from '../store/encryption.js';
import {IndexedDbStorage} from '../store/indexed-db-storage.js';
import {MirrorStorage} from '../store/mirror-storage.js';
import type {PruningLimits} from '../store/pruning.js';
import type {Storage} from '../store/storage.js';

/** How a host stores documents and edits. */
export interface StoreOptions {
  /** The name of the database. Default: the namespace. */
  name?: string | undefined;
  /** The storage of documents and edits. Default: a new {@link IndexedDbStorage}. */
  storage?: Storage | undefined;
  /** How durable an edit is before other tabs show it. A custom `storage` has to implement 'strict' itself. Default 'delayed'. */
  durability?: StoreDurability | undefined;
  /**
   * How a host updates a stored document. 'snapshot': the first request asks the server for the snapshot, as a page does when it is
   * loaded. 'ops': it asks only for the ops since the stored version. This transfers less data, but still shows the stored state if the
   * user's read permission was revoked or the database was replaced. Default 'snapshot'.
   */
  resume?: 'snapshot' | 'ops' | undefined;
  /**
   * Stored documents that no tab has opened for this long, in ms, are deleted some time after the start of a host. Documents with ops
   * that the server has not acknowledged, and local documents, are never deleted. `Infinity` keeps all documents. Default: 90 days.
   */
  maxAge?: number | undefined;
  /**
   * Above this size, in bytes, the stored documents that were opened longest ago are deleted some time after the start of a host,
   * with the same exceptions. The size is that of the written text, without the browser's own overhead. Default: no limit.
   */
  maxSize?: number | undefined;
  /** Encrypts documents and ops before they are stored. Names of collections and documents stay readable. */
  cipher?: Cipher | undefined;
}

/** The default of `maxAge`, in ms. */
const MAX_AGE = 90 * 24 * 60 * 60 * 1000;

export interface StoreOwner extends Pick<DurableStoreOptions, 'onStatus' | 'onFenced' | 'onErased' | 'onFound' | 'onUnread' | 'onQuarantined'> {
  readonly namespace: string;
  readonly epoch: string;
  readonly platform: Platform;
  /** The namespace's last clearing. */
  readonly cleared: Clearing | undefined;
  /** Whether tabs keep copies in memory if there is no storage. */
  readonly mirror: boolean;
}

/** A host's store. `isMirrored`: whether copies in the memory of tabs are the only storage. */
export interface OpenedStore {
  store: DurableStore | undefined;
  isMirrored: boolean;
}

/** Creates the store that the options describe: on the given storage, IndexedDB, the memory of tabs, or none. */
export function openStore(options: StoreOptions | false | undefined, owner: StoreOwner): OpenedStore {
  const {durability = 'delayed', name, cipher, maxAge, maxSize} = options || {};
  const {platform, namespace, mirror} = owner;
  const storage = options === false ? undefined
    : options?.storage ?? (IndexedDbStorage.isAvailable() ? new IndexedDbStorage({durability: durability === 'strict' ? 'strict' : 'relaxed'}) : undefined);
  if (!storage && !mirror) return {store: undefined, isMirrored: false};
  const limits: PruningLimits = {maxAge: maxAge ?? MAX_AGE, ...(maxSize !== undefined && {maxSize})};
  const store = new DurableStore({
    ...owner,
    storage: storage ?? new MirrorStorage(platform),
    namespace: name ?? namespace,
    cipher,
    sendsBeforeWrite: durability === 'delayed',
    limits: storage ? limits : undefined,
    now: () => platform.clock.now()
  }, platform.clock.after);
  return {store, isMirrored: !storage};
}
