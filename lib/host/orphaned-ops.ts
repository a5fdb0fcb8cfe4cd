import {withCode} from '../protocol/errors.js';
import {isLostOps, isOrphanedOpsMessage} from '../protocol/tab-message-guards.js';
import type {DurableStore} from '../store/durable-store.js';
import type {SharedDoc} from './doc/shared-doc.js';
import type {SharedDocs} from './doc/shared-docs.js';
import type {DeadLetters} from './letters/dead-letters.js';
import type {StoreAccess} from './store-access.js';
import type {Tab} from './tab.js';

export interface OrphanedOpsOwner {
  readonly epoch: string;
  readonly docs: SharedDocs;
  readonly deadLetters: DeadLetters;
  readonly store: DurableStore | undefined;
  readonly storeAccess: StoreAccess;
  /** The lineage of the histories that this host continues. */
  lineage(): string;
  tab(id: string): Tab;
}

/** Accepts ops that their tabs can't submit: ops of tabs that have ended, and ops that no host can apply. */
export class OrphanedOps {
  constructor(private readonly owner: OrphanedOpsOwner) {}

  /** Applies the ops of a tab that has ended. Resolves when the ops are durable or the server has them. */
  takeOver(message: unknown): Promise<void> {
    if (!isOrphanedOpsMessage(message)) throw withCode('ERR_MESSAGE_BADLY_FORMED', 'Invalid orphaned ops');
    const {docs: all, epoch} = this.owner;
    const tab = this.owner.tab(message.tabId);
    const isOurLineage = message.lineage === this.owner.lineage();
    for (const {c, d, rev, ops, ahead, unconfirmed = ahead, onlyHost = epoch, v} of message.docs) {
      all.get(c, d).adopt(tab, {madeAt: rev, ops, isOurs: isOurLineage && onlyHost === epoch, unconfirmed, v});
    }
    const docs = message.docs.map(({c, d}) => all.get(c, d));
    return Promise.all(docs.map(doc => new Promise<void>(resolve => doc.whenSettled(resolve)))).then(() => this.whenKept(docs));
  }

  /** Makes dead letters of ops that no host could apply. Resolves when the letters are durable. */
  keepLost(letters: unknown): Promise<void> {
    if (!isLostOps(letters)) throw withCode('ERR_MESSAGE_BADLY_FORMED', 'Invalid lost ops');
    for (const letter of letters) this.owner.deadLetters.addOfTab(letter);
    return this.owner.storeAccess.flush();
  }

  /** Resolves when the ops of these documents are durable or the server has them. */
  private whenKept(docs: readonly SharedDoc[]): Promise<void> {
    const {store} = this.owner;
    if (!store) return Promise.resolve();
    return new Promise(resolve => {
      store.whenCommitted(store.lastChange, resolve);
      void Promise.all(docs.map(doc => new Promise<void>(saved => doc.whenSaved(saved)))).then(() => resolve());
    });
  }
}
