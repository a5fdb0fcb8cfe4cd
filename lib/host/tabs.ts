import type {DeliveryRule, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import type {TabId} from '../protocol/ids.js';
import {isTransactionAuthor, tabOfAuthor, transactionAuthor} from '../protocol/transactions.js';
import {Tab} from './tab.js';

/** The tabs that a host knows, with or without a session, and its services, which connect as tabs do. */
export class Tabs {
  private readonly known = new Map<TabId, Tab>();
  /** The names of services, by the ids of their connections. */
  private readonly serviceNames = new Map<TabId, string>();

  /** @param onAbsent called for a tab that is known from the store alone: it may have ended long ago */
  constructor(private readonly onAbsent: (tab: Tab) => void) {}

  /** How many tabs have a session. */
  get attached(): number {
    return this.pages(true).length;
  }

  get isEmpty(): boolean {
    return !this.known.size;
  }

  all(): Iterable<Tab> {
    return this.known.values();
  }

  /** The tabs without services and observers. @param attached only those with a session */
  pages(attached = false): Tab[] {
    return this.allPages().filter(({session, isObserver}) => !isObserver && (!attached || session));
  }

  /** The tabs without services. */
  allPages(): Tab[] {
    return [...this.known.values()].filter(({service}) => service === undefined);
  }

  /** The tabs that are not the authors of transactions, which live as long as their tabs. */
  *withLife(): Generator<Tab> {
    for (const tab of this.known.values()) if (!isTransactionAuthor(tab.id)) yield tab;
  }

  find(id: string): Tab | undefined {
    return this.known.get(id as TabId);
  }

  /** The tab of an id, or what makes a tab's transactions. It is made where it is not known. */
  get(id: string): Tab {
    const known = this.find(id);
    if (known) return known;
    const tab = new Tab(id as TabId);
    this.known.set(tab.id, tab);
    if (isTransactionAuthor(id)) this.get(tabOfAuthor(id));
    else this.onAbsent(tab);
    return tab;
  }

  /** A session of the tab begins. */
  begin(id: TabId, session: HostSession): Tab {
    const tab = this.known.get(id) ?? new Tab(id);
    this.known.set(id, tab);
    tab.begin(session);
    tab.service = this.serviceNames.get(id);
    return tab;
  }

  /** A page that may only look begins a session. */
  beginObserver(id: TabId, session: HostSession): Tab {
    const observer = this.known.get(id) ?? new Tab(id);
    this.known.set(id, observer);
    observer.isObserver = true;
    observer.begin(session);
    return observer;
  }

  /** An observer will not come back. */
  deleteObserver({id}: Tab): void {
    this.known.delete(id);
  }

  /** The tab will not come back. @returns the author of its transactions, if it has made some */
  delete({id}: Tab): Tab | undefined {
    this.known.delete(id);
    this.serviceNames.delete(id);
    return this.find(transactionAuthor(id));
  }

  /** The connection with this id is a service's. */
  noteService(id: TabId, name: string): void {
    this.serviceNames.set(id, name);
  }

  sendToAll(message: Message, rule?: DeliveryRule): void {
    const json = JSON.stringify(message);
    for (const tab of this.known.values()) tab.send(json, rule);
  }
}
