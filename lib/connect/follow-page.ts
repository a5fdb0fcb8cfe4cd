import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ClearingMark} from './clearing-mark.js';
import type {HostSearch, SearchingTab} from './host-search.js';
import type {OrphanedOpsStorage} from './orphaned-ops-storage.js';
import {watchPage} from './page-lifecycle.js';

/**
 * Delays after the start of a session, in ms, after which a tab looks for ops of tabs that ended. At the first time, the documents have
 * loaded. At the second, the lock of a tab that ended together with its host is free, and what the tab wrote to localStorage is visible.
 */
const OFFERS_MS = [250, 2000];
/** Delay before a new tab opens the storage for its orphaned ops, in ms. */
const PREPARE_MS = 100;

/** The part of a connection that {@link followPage} uses. */
export interface PageTab extends SearchingTab, Pick<ProxyConnection, 'callHost' | 'clock'> {
  /** The ops that the host has not confirmed; undefined if there are none. */
  orphanedOps(): OrphanedOpsMessage | undefined;
}

/**
 * Handles the lifecycle events of the page. A page that is hidden, unloaded or frozen saves its orphaned ops. A page that is suspended
 * or frozen stops hosting other tabs. In each session, the tab offers the orphaned ops of other pages to the host.
 * @param storage the storage of orphaned ops; undefined if nothing is stored
 * @returns a function that removes the listeners
 */
export function followPage(tab: PageTab, search: HostSearch, storage: OrphanedOpsStorage | undefined, mark: ClearingMark | undefined): () => void {
  const leave = (): void => void storage?.leave(tab.isClosed ? undefined : tab.orphanedOps());
  if (storage) offerOrphanedOps(tab, storage);
  return watchPage({
    onHidden: leave,
    onVisible: isVisible => {
      if (tab.closeIfCleared()) return;
      tab.hostClient.setVisible(isVisible);
      if (!isVisible) return;
      search.retry.runNow();
      search.direct?.look();
    },
    // Messages posted now still arrive (measured in Chromium). If they do not, the next tab finds the stored ops.
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
    onThaw: () => { if (!tab.closeIfCleared()) search.takeUpHosting(); },
    onStorage: event => void tab.closeIfCleared(mark?.markIn(event))
  });
}

/** Hands over the orphaned ops of other pages to each host that answers. */
function offerOrphanedOps(tab: PageTab, storage: OrphanedOpsStorage): void {
  // The first access to localStorage is slow, and must not delay the first documents of the page.
  tab.clock.after(PREPARE_MS, () => storage.prepare());
  tab.on('hostState', state => {
    if (state !== 'connected') return;
    // This tab hands over its own ops in its session.
    storage.leave(undefined);
    // Loading the documents comes first, because the user waits for it.
    for (const ms of OFFERS_MS) {
      tab.clock.after(ms, () => {
        if (tab.hostState === 'connected') storage.offer(ops => tab.callHost('tab.orphanedOps', ops)).catch(() => {});
      });
    }
  });
}
