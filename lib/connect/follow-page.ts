import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ClearingMark} from './clearing-mark.js';
import type {HostSearch, SearchingTab} from './host-search.js';
import type {OrphanedOpsStorage} from './orphaned-ops-storage.js';
import {watchPage} from './page-lifecycle.js';

/**
 * Delays after the start of a session, in ms, after which a tab looks for ops of tabs that ended: the first time when the documents are
 * there; the second time when the lock of a tab that ended together with its host is surely free, and its storage is visible.
 */
const OFFERS_MS = [250, 2000];
/** Delay after its start before a tab opens the storage for its orphaned ops, in ms. */
const PREPARE_MS = 100;

/** The connection of a page. */
export interface PageTab extends SearchingTab, Pick<ProxyConnection, 'callHost' | 'clock'> {
  /** The ops that the host has not confirmed; undefined if there are none. */
  orphanedOps(): OrphanedOpsMessage | undefined;
}

/**
 * Follows the life of the page. A page that goes away saves the ops that it has not handed over, and looks for the ops that other pages
 * left. A page that is suspended or frozen hosts no other tabs.
 * @param storage for the ops of pages that went away; undefined if nothing is stored
 * @returns ends it
 */
export function followPage(tab: PageTab, search: HostSearch, storage: OrphanedOpsStorage | undefined, mark: ClearingMark | undefined): () => void {
  const leave = (): void => void storage?.leave(tab.isClosed ? undefined : tab.orphanedOps());
  const stopWatchingMark = mark?.watch(() => tab.closeIfCleared());
  const stopWatchingPage = watchPage({
    onHidden: leave,
    onVisible: isVisible => {
      if (tab.closeIfCleared()) return;
      tab.hostClient.setVisible(isVisible);
      if (!isVisible) return;
      search.retry.runNow();
      search.direct?.look();
    },
    // Messages posted now still arrive (measured in Chromium). If they do not, the stored ops are there.
    onAway: mayReturn => {
      leave();
      tab.hostClient.sendOrphanedOps(tab.orphanedOps(), !mayReturn);
      if (mayReturn) search.suspend();
    },
    onBack: () => search.resume(),
    onFreeze: () => {
      leave();
      search.giveUpHosting();
    },
    onThaw: () => { if (!tab.closeIfCleared()) search.takeUpHosting(); }
  });
  if (storage) offerOrphanedOps(tab, storage);
  return () => {
    stopWatchingMark?.();
    stopWatchingPage();
  };
}

/** Hands the ops that other pages left to each host that answers. */
function offerOrphanedOps(tab: PageTab, storage: OrphanedOpsStorage): void {
  // The first documents of the page do not wait for this.
  tab.clock.after(PREPARE_MS, () => storage.prepare());
  tab.on('hostState', state => {
    if (state !== 'connected') return;
    // This tab hands over its own ops itself.
    storage.leave(undefined);
    // This runs after the documents have loaded, because the user waits for them.
    for (const ms of OFFERS_MS) {
      tab.clock.after(ms, () => {
        if (tab.hostState === 'connected') storage.offer(ops => tab.callHost('tab.orphanedOps', ops)).catch(() => {});
      });
    }
  });
}
