import {Follower} from './follower.js';
import type {Entry} from '../../ot/history-entry.js';
import type {Tab} from '../tab.js';

/** The followers of one document. */
export class Followers {
  private readonly byTab = new Map<Tab, Follower>();

  /** @param takenFrom returns the highest seq of a tab's ops that are known to be in the history */
  constructor(private readonly takenFrom: (tab: Tab) => number) {}

  get size(): number {
    return this.byTab.size;
  }

  [Symbol.iterator](): IterableIterator<Follower> {
    return this.byTab.values();
  }

  /** Returns the follower of a tab. Creates it if it does not exist. */
  of(tab: Tab): Follower {
    let follower = this.byTab.get(tab);
    // The tab may have returned after its follower was deleted, and with it the record of the tab's ops.
    if (!follower) this.byTab.set(tab, (follower = new Follower(tab, this.takenFrom(tab))));
    return follower;
  }

  find(tab: Tab): Follower | undefined {
    return this.byTab.get(tab);
  }

  /** Returns the highest seq of a tab's ops in the history. */
  lastSeqOf(tab: Tab): number {
    return this.byTab.get(tab)?.lastSeq ?? this.takenFrom(tab);
  }

  delete(tab: Tab): void {
    this.byTab.delete(tab);
  }

  /** Deletes the followers that were restored. Those of tabs with requests stay. */
  clearRestored(): void {
    for (const [tab, {requests, subscribed}] of this.byTab) if (!requests && !subscribed) this.byTab.delete(tab);
  }

  /** Returns the present record of a tab. A tab that was forgotten and has returned has another record. */
  present(tab: Tab): Tab {
    if (this.byTab.has(tab)) return tab;
    return [...this.byTab.keys()].find(({id}) => id === tab.id) ?? tab;
  }

  /** Returns the followers that get an entry. Its author comes last, because the author shows the op already. */
  recipientsOf({src}: Entry): Follower[] {
    const isWriter = ({tab}: Follower): number => Number(tab.id === src);
    return [...this].filter(({sent, follows}) => sent !== null && follows).sort((one, other) => isWriter(one) - isWriter(other));
  }

  /** Whether a tab has a state of the document. */
  get haveState(): boolean {
    for (const {sent} of this) if (sent !== null) return true;
    return false;
  }

  get areSubscribed(): boolean {
    for (const {subscribed} of this) if (subscribed) return true;
    return false;
  }

  /** Whether there are followers of other tabs. */
  hasOthersThan(tabId: string | undefined): boolean {
    for (const {tab} of this) if (tab.id !== tabId) return true;
    return false;
  }
}
