import type {Ending} from '../broker/session-server.js';
import {canTransfer} from '../broker/service-frames.js';
import {InOrder, type WaitFor} from '../platform/in-order.js';
import type {ServiceEvent, ServiceFrame} from '../protocol/frames.js';
import {isServiceFrame} from '../protocol/service-frames.js';
import type {Tab} from './tab.js';

/** Creates a host's services. The host refers to them only by name. */
export interface ServiceSource {
  /**
   * Creates a service, which then connects with `Host.admitService`.
   * @param onFailure called, synchronously or later, if no service of this name exists or it can't be created
   */
  start(name: string, onFailure: (event: 'no service' | 'closed', reason: string) => void): void;
  /** Accepts no more calls. Resolves when the open calls have ended, or after `ms`. */
  finish(ms: number): Promise<void>;
  /** The host has closed. */
  close(): void;
}

export interface FrameRelayOwner {
  readonly source: ServiceSource | undefined;
  tab(id: string): Tab | undefined;
  /** The tabs with a session, without services. */
  tabs(): Iterable<Tab>;
  /** Sends the messages that the tab must receive before a frame. */
  beforeFrame(tab: Tab): void;
  /** Returns, for each document that the tab follows and that is in a rollback, a function that calls back after the tab's reset is sent. */
  rollbacks(tab: Tab): WaitFor[];
}

/** A service that a tab has called. */
interface Entry {
  /** The service's connection; undefined until it has one. */
  tab: Tab | undefined;
  /** The messages that arrived before the service was connected. */
  waiting: [from: Tab, message: ServiceFrame][];
  /** The tabs that have called the service. */
  readonly users: Set<Tab>;
}

/**
 * Relays frames between the sessions of tabs and of services, in order. A frame arrives after all messages that the host has sent to
 * its receiver before.
 */
export class FrameRelay {
  private readonly services = new Map<string, Entry>();
  private readonly queues = new Map<Tab, InOrder>();

  constructor(private readonly owner: FrameRelayOwner) {}

  /** Whether a tab has called a service that has not ended. */
  get isServing(): boolean {
    return this.services.size > 0;
  }

  receive(from: Tab, message: unknown): void {
    if (!isServiceFrame(message)) return;
    if (from.service === undefined) return this.receiveOfTab(from, message);
    const to = this.owner.tab(message.peer);
    if (!to?.session || to.service !== undefined) return;
    const {channel, frame, event, reason, transfer} = message;
    this.send(to, {peer: from.service, channel, frame, ...(event && {event}), ...(reason && {reason})}, transfer);
  }

  /** A session of a tab or a service has begun. */
  attach(tab: Tab): void {
    const {service} = tab;
    if (service === undefined) {
      for (const {tab: to} of this.services.values()) if (to) this.notify(to, tab, 'here');
      return;
    }
    const entry = this.services.get(service);
    if (!entry) return;
    entry.tab = tab;
    for (const page of this.owner.tabs()) this.notify(tab, page, 'here');
    for (const [from, message] of entry.waiting.splice(0)) this.forward(entry, from, message);
  }

  /** A session has ended. May be called again with 'gone'. */
  detach(tab: Tab, how: Ending): void {
    this.queues.get(tab)?.clear();
    this.queues.delete(tab);
    if (tab.service !== undefined) return this.end(tab.service, 'closed', 'the service has ended');
    for (const {tab: to, waiting, users} of this.services.values()) {
      for (let i = waiting.length; i--;) if (waiting[i]![0] === tab) waiting.splice(i, 1);
      users.delete(tab);
      if (to) this.notify(to, tab, how === 'gone' ? 'gone' : 'lost');
    }
  }

  private receiveOfTab(from: Tab, message: ServiceFrame): void {
    const {source} = this.owner;
    const name = message.peer;
    let entry = this.services.get(name);
    if (!entry) {
      this.services.set(name, entry = {tab: undefined, waiting: [], users: new Set()});
      entry.users.add(from);
      if (source) source.start(name, (event, reason) => this.end(name, event, reason));
      else this.end(name, 'no service', 'this host has no services');
      if (this.services.get(name) !== entry) return;
    }
    entry.users.add(from);
    if (entry.tab) this.forward(entry, from, message);
    else entry.waiting.push([from, message]);
  }

  private forward({tab}: Entry, from: Tab, {channel, frame, event}: ServiceFrame): void {
    if (tab && from.session) this.send(tab, {peer: from.id, channel, frame, ...(event === 'closed' && {event})});
  }

  /** Notifies the tabs that have called a service that it does not exist or has ended. */
  private end(name: string, event: ServiceEvent, reason: string): void {
    const entry = this.services.get(name);
    this.services.delete(name);
    for (const user of entry?.users ?? []) if (user.session) this.send(user, {peer: name, channel: 0, event, reason});
  }

  private notify(service: Tab, {id, session}: Tab, event: ServiceEvent): void {
    this.send(service, {peer: id, channel: 0, event, ...(event === 'here' && {canTransfer: canTransfer(session!.channel)})});
  }

  private send(to: Tab, message: ServiceFrame, transfer: Transferable[] = []): void {
    let queue = this.queues.get(to);
    const waitsFor = this.owner.rollbacks(to);
    if (!queue && !waitsFor.length) return this.post(to, message, transfer);
    if (!queue) this.queues.set(to, queue = new InOrder());
    queue.add(waitsFor, () => this.post(to, message, transfer));
    if (queue.isEmpty) this.queues.delete(to);
  }

  private post(to: Tab, message: ServiceFrame, transfer: Transferable[]): void {
    if (!to.session) return;
    if (to.service === undefined) this.owner.beforeFrame(to);
    to.postFrame(message, transfer);
  }
}
