import type {DeliveryRule, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import type {TabId} from '../protocol/ids.js';
import {isTransactionAuthor, tabOfAuthor, transactionAuthor} from '../protocol/transactions.js';
import {Tab} from './tab.js';

/** The tabs that a host has a record of, with or without a session, and its services, which connect as tabs do. */
export class Tabs {
  private readonly known = new Map<TabId, Tab>();
  /** The names of services, by the ids of their connections. */
  private readonly serviceNames = new Map<TabId, string>();

  /** @param onAbsent called for a tab that has no session because only the store or another tab refers to it. It may have ended. */
  constructor(private readonly onAbsent: (tab: Tab) => void) {}

  /** The number of tabs with a session, without services and observers. */
  get attached(): number {
    return this.pages(true).length;
  }

  get isEmpty(): boolean {
    return !this.known.size;
  }

  all(): Iterable<Tab> {
    return this.known.values();
  }

  /** The tabs without services and observers. @param attached whether to return only tabs with a session */
  pages(attached = false): Tab[] {
    return this.allPages().filter(({session, isObserver}) => !isObserver && (!attached || session));
  }

  /** The tabs without services. */
  allPages(): Tab[] {
    return [...this.known.values()].filter(({service}) => service === undefined);
  }

  /** The tabs without the authors of transactions, which end with their tabs. */
  *withoutAuthors(): Generator<Tab> {
    for (const tab of this.known.values()) if (!isTransactionAuthor(tab.id)) yield tab;
  }

  find(id: string): Tab | undefined {
    return this.known.get(id as TabId);
  }

  /** Returns the tab of an id, or the author of a tab's transactions. Creates the record if it does not exist. */
  get(id: string): Tab {
    const known = this.find(id);
    if (known) return known;
    const tab = new Tab(id as TabId);
    this.known.set(tab.id, tab);
    if (isTransactionAuthor(id)) this.get(tabOfAuthor(id));
    else this.onAbsent(tab);
    return tab;
  }

  /** Begins a session of a tab. */
  begin(id: TabId, session: HostSession): Tab {
    const tab = this.known.get(id) ?? new Tab(id);
    this.known.set(id, tab);
    tab.begin(session);
    tab.service = this.serviceNames.get(id);
    return tab;
  }

  /** Begins a session of a read-only page. */
  beginObserver(id: TabId, session: HostSession): Tab {
    const observer = this.known.get(id) ?? new Tab(id);
    this.known.set(id, observer);
    observer.isObserver = true;
    observer.begin(session);
    return observer;
  }

  /** Deletes the record of an observer that does not return. */
  deleteObserver({id}: Tab): void {
    this.known.delete(id);
  }

  /** Deletes the record of a tab that does not return. @returns the author of its transactions, if there is one */
  delete({id}: Tab): Tab | undefined {
    this.known.delete(id);
    this.serviceNames.delete(id);
    return this.find(transactionAuthor(id));
  }

  /** Notes that the connection with this id belongs to a service. */
  noteService(id: TabId, name: string): void {
    this.serviceNames.set(id, name);
  }

  sendToAll(message: Message, rule?: DeliveryRule): void {
    const json = JSON.stringify(message);
    for (const tab of this.known.values()) tab.send(json, rule);
  }
}
