import {Follower} from './follower.js';
import type {Entry} from '../../ot/history-entry.js';
import type {Tab} from '../tab.js';

/** The followers of one document. */
export class Followers {
  private readonly byTab = new Map<Tab, Follower>();

  /** @param takenFrom the highest seq of a tab's ops that are known to have their places */
  constructor(private readonly takenFrom: (tab: Tab) => number) {}

  get size(): number {
    return this.byTab.size;
  }

  [Symbol.iterator](): IterableIterator<Follower> {
    return this.byTab.values();
  }

  /** The tab's, from the first time on that it is asked for. */
  of(tab: Tab): Follower {
    let follower = this.byTab.get(tab);
    // The tab may be back after it was forgotten, and the history that its ops are in.
    if (!follower) this.byTab.set(tab, (follower = new Follower(tab, this.takenFrom(tab))));
    return follower;
  }

  find(tab: Tab): Follower | undefined {
    return this.byTab.get(tab);
  }

  /** The highest seq of a tab's ops that has its place. */
  lastSeqOf(tab: Tab): number {
    return this.byTab.get(tab)?.lastSeq ?? this.takenFrom(tab);
  }

  delete(tab: Tab): void {
    this.byTab.delete(tab);
  }

  /** Deletes the restored followers. Tabs that have requested something are here. */
  clearRestored(): void {
    for (const [tab, {requests, subscribed}] of this.byTab) if (!requests && !subscribed) this.byTab.delete(tab);
  }

  /** A tab that was given up, and is back, is another one here. */
  present(tab: Tab): Tab {
    if (this.byTab.has(tab)) return tab;
    return [...this.byTab.keys()].find(({id}) => id === tab.id) ?? tab;
  }

  /** The followers that get an entry. Its author shows it already, so the others come first. */
  toldOf({src}: Entry): Follower[] {
    const isWriter = ({tab}: Follower): number => Number(tab.id === src);
    return [...this].filter(({sent, follows}) => sent !== null && follows).sort((one, other) => isWriter(one) - isWriter(other));
  }

  /** Whether anybody stands at a revision. */
  get haveState(): boolean {
    for (const {sent} of this) if (sent !== null) return true;
    return false;
  }

  get areSubscribed(): boolean {
    for (const {subscribed} of this) if (subscribed) return true;
    return false;
  }

  /** Whether there are others than this tab. */
  hasOthersThan(tabId: string | undefined): boolean {
    for (const {tab} of this) if (tab.id !== tabId) return true;
    return false;
  }
}
