import {TabsError, decodeError} from '../protocol/errors.js';
import type {DurableStore} from '../store/durable-store.js';
import type {SharedDocs} from './doc/shared-docs.js';

/** Handles requests of tabs for the store: waits for writes, and restores or discards quarantined documents. Does nothing without a store. */
export class StoreAccess {
  constructor(private readonly store: DurableStore | undefined, private readonly docs: SharedDocs) {}

  /** Resolves when all changes so far are durable. Rejects if the storage fails. */
  async flush(): Promise<void> {
    const {store} = this;
    if (!store) return;
    await new Promise<void>(resolve => store.whenAllCommittedOrFailed(resolve));
    if (store.isDown) throw decodeError(store.lastError ?? {message: 'The storage does not answer'});
  }

  /** Restores a quarantined document and opens it, so that pending ops are sent. Rejects with ERR_TABS_QUARANTINE_IN_USE if it is open. */
  async restoreQuarantined(id: string): Promise<void> {
    const {store, docs} = this;
    const found = store?.quarantine.list().find(each => each.id === id);
    if (!store || !found) return;
    if (docs.find(found.key)) {
      throw new TabsError('ERR_TABS_QUARANTINE_IN_USE', `${found.key.join('/')} is open. Export or discard the quarantined data, or restore it when no tab has the document open`);
    }
    const key = await store.quarantine.restore(id);
    if (key) docs.get(...key);
    return this.flush();
  }

  discardQuarantined(id: string): Promise<void> {
    this.store?.quarantine.discard(id);
    return this.flush();
  }
}
