import {encodeError} from '../../protocol/errors.js';
import {PRESENCE_EXPIRY_MS} from '../../protocol/messages.js';
import type {ChannelReport} from '../../protocol/report.js';
import type {Entry} from '../../ot/history-entry.js';
import {
  ackKey, transformValue, inspectChannel, lastShown, lastLocalValue, newChannel, shownKey, supportsPresence, unsupported, type Channel, type PresenceRequest, type PresenceValue
} from './presence-channel.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {Tab} from '../tab.js';
import type {PresenceReply, RealConnection, RealDoc} from '../upstream.js';

/** How long a tab may take to remove its presence from the channel after the answer to its removal, in ms. */
const LEAVING_MS = 50;

export interface SharedPresencesOwner {
  after(ms: number, callback: () => void): () => void;
  connection: RealConnection;
  isConnected(): boolean;
  share(doc: RealDoc): SharedDoc;
}

/**
 * The presences of all tabs. Each tab is a separate client: tabs exchange presences through the host, and with other clients through
 * the server, where all tabs use the host's connection.
 */
export class SharedPresences {
  private readonly channels = new Map<string, Channel>();
  private readonly acks = new Map<string, {tab: Tab | undefined; ownPv: number | undefined; isEnd: boolean}>();
  private readonly ownIds = new Set<string | null>();
  /** The answers to tabs that wait for the server's answer to an unsubscribe, by the seq of the host's request. */
  private readonly leaving = new Map<number, () => void>();

  constructor(private readonly owner: SharedPresencesOwner) {
    const {connection} = owner;
    connection._handlePresence = (error, message) => this.receiveFromServer(error, message);
    connection._handlePresenceSubscribe = (error, {ch}) => this.onSubscribed(error, ch);
    connection._handlePresenceUnsubscribe = (_error, {seq}) => this.onUnsubscribed(seq);
    connection._handlePresenceRequest = (error, {ch}) => this.onRequested(error, ch);
  }

  get size(): number {
    let count = 0;
    for (const {locals} of this.channels.values()) for (const own of locals.values()) count += own.size;
    return count;
  }

  inspect(): ChannelReport[] {
    return [...this.channels.values()].map(inspectChannel);
  }

  receive(tab: Tab, request: PresenceRequest): void {
    const channel = this.channel(request.ch);
    switch (request.a) {
      case 'ps':
        return this.subscribe(tab, channel, request.seq);
      case 'pu':
        return this.unsubscribe(tab, channel, request.seq);
      case 'p':
        return this.update(tab, channel, request);
      case 'pr':
        this.sendValues(tab, channel);
        if (this.owner.isConnected()) this.owner.connection.send({a: 'pr', ch: channel.name});
        return;
      default:
        request.a satisfies never;
    }
  }

  /** Handles the end of a tab's session. @param isAbsent whether the tab does not return at once, so that its presences are removed */
  detach(tab: Tab, isAbsent: boolean): void {
    for (const channel of [...this.channels.values()]) {
      channel.subscribers.delete(tab);
      channel.shown.delete(tab);
      channel.waiting = channel.waiting.filter(waiting => waiting.tab !== tab);
      if (isAbsent) this.withdraw(tab, channel);
      this.release(channel);
    }
  }

  onState(state: string): void {
    if (state === 'connected') {
      this.ownIds.add(this.owner.connection.id);
      for (const channel of [...this.channels.values()]) this.rejoin(channel);
      return;
    }
    for (const channel of this.channels.values()) {
      channel.subscribedAtServer = false;
      channel.endWait?.();
    }
    for (const seq of [...this.leaving.keys()]) this.onUnsubscribed(seq);
    if (state === 'connecting') return;
    // Tabs exchange presences without the server, so no tab has to wait for it.
    for (const channel of this.channels.values()) this.answerWaiting(channel, null);
  }

  /** Transforms the presences of a document over a new entry of its history. */
  onEntry(doc: SharedDoc, entry: Entry): void {
    const channel = this.channels.get(`${doc.collection}.${doc.id}`);
    if (!channel) return;
    for (const [tab, own] of channel.locals) {
      for (const value of own.values()) transformValue(value, entry, entry.src === tab.id);
    }
    for (const value of channel.outgoing) transformValue(value, entry, entry.src === value.src);
    for (const value of channel.remotes.values()) transformValue(value, entry, entry.src === value.src);
    const waiting = channel.ahead;
    channel.ahead = [];
    for (const message of waiting) this.receiveRemote(channel, message);
    this.flush(channel);
    this.release(channel);
  }

  // ---- tabs

  private subscribe(tab: Tab, channel: Channel, seq: number): void {
    channel.subscribers.add(tab);
    const {state} = this.owner.connection;
    const canWait = state === 'connected' || state === 'connecting';
    if (channel.subscribedAtServer || !canWait) {
      tab.send({a: 'ps', ch: channel.name, seq});
      return this.sendValues(tab, channel);
    }
    channel.waiting.push({tab, seq});
    if (channel.waiting.length === 1) this.subscribeAtServer(channel);
  }

  private unsubscribe(tab: Tab, channel: Channel, seq: number): void {
    channel.subscribers.delete(tab);
    channel.shown.delete(tab);
    for (const waiting of channel.waiting) if (waiting.tab === tab) tab.send({a: 'ps', ch: channel.name, seq: waiting.seq});
    channel.waiting = channel.waiting.filter(waiting => waiting.tab !== tab);
    // As on ShareDB's server, a client that unsubscribes is no longer shown to others.
    this.withdraw(tab, channel);
    const reply = tab.inThisSession(() => tab.send({a: 'pu', ch: channel.name, seq}));
    const own = this.release(channel);
    if (own === undefined) reply();
    else this.leaving.set(own, reply);
  }

  private onUnsubscribed(seq: number): void {
    const reply = this.leaving.get(seq);
    this.leaving.delete(seq);
    reply?.();
  }

  private update(tab: Tab, channel: Channel, {id, p, pv, c, d, t, at}: PresenceRequest): void {
    const value: PresenceValue = {src: tab.id, id, p, pv};
    if (c != null && d != null && at) {
      value.doc = this.owner.share(this.owner.connection.get(c, d));
      value.t = t;
      if (value.p !== null && !supportsPresence(value.doc.doc.type)) {
        return tab.send({a: 'p', ch: channel.name, id, pv, error: unsupported(t)});
      }
      for (const entry of value.doc.journaled.history.after(at.rev ?? value.doc.rev)) {
        transformValue(value, entry, entry.src === tab.id);
      }
    }
    channel.outgoing.push({...this.show(tab, channel, value), tab, ownPv: pv});
    this.flush(channel);
    this.release(channel);
  }

  /**
   * Stores a tab's presence and sends it to the other tabs. If the tab removes its value and another tab has one with the same id, the
   * other tab's value is sent.
   * @returns the value that was sent
   */
  private show(tab: Tab, channel: Channel, value: PresenceValue): PresenceValue {
    const {id} = value;
    let own = channel.locals.get(tab);
    if (!own) channel.locals.set(tab, (own = new Map()));
    if (value.p === null) own.delete(id);
    else own.set(id, value);
    if (!own.size) channel.locals.delete(tab);
    const next = value.p === null ? lastLocalValue(channel, id) : undefined;
    const last = channel.versions.get(id);
    const isNext = !last || (last.tab === tab && value.pv > last.pv);
    const shown = next?.value ?? value;
    shown.pv = isNext && !next ? value.pv : Math.max(value.pv, (last?.pv ?? 0) + 1);
    if (shown.p === null) channel.versions.delete(id);
    else channel.versions.set(id, {pv: shown.pv, tab: next?.tab ?? tab});
    for (const other of channel.subscribers) {
      // A tab would treat a message with an id of its own as the answer to a submit.
      if (other !== tab && !channel.locals.get(other)?.has(id)) this.sendTo(other, channel, shown);
    }
    return shown;
  }

  private withdraw(tab: Tab, channel: Channel): void {
    // If no subscriber is left, the host unsubscribes, and the server then removes the presences of its connection.
    const serverDoes = !channel.subscribers.size && channel.subscribedAtServer && this.owner.isConnected();
    for (const value of [...(channel.locals.get(tab)?.values() ?? [])]) {
      const withdrawn = {...value, p: null, pv: value.pv + 1};
      const shown = this.show(tab, channel, withdrawn);
      if (!serverDoes) channel.outgoing.push({...shown, tab: undefined});
    }
    this.flush(channel);
  }

  private sendValues(tab: Tab, channel: Channel): void {
    const shown = channel.shown.get(tab);
    const send = (value: PresenceValue): void => {
      if (shown?.get(shownKey(value)) !== value.pv) this.sendTo(tab, channel, value);
    };
    for (const value of channel.remotes.values()) send(value);
    const ids = channel.locals.get(tab);
    for (const [other, own] of channel.locals) {
      if (other !== tab) for (const value of own.values()) if (!ids?.has(value.id)) send(value);
    }
  }

  private sendTo(tab: Tab, channel: Channel, {src, id, p, pv, doc, t}: PresenceValue): void {
    let shown = channel.shown.get(tab);
    if (!shown) channel.shown.set(tab, (shown = new Map()));
    if (p === null) shown.delete(shownKey({src, id}));
    else shown.set(shownKey({src, id}), pv);
    const message = {a: 'p', ch: channel.name, src, id, p, pv};
    // Each tab sends its presences again to another host, so nothing has to be durable before this is sent.
    if (!doc) return tab.send(message, 'own');
    tab.send({...message, c: doc.collection, d: doc.id, v: doc.doc.version, t, rev: doc.rev}, 'own');
  }

  // ---- the server

  private subscribeAtServer(channel: Channel): void {
    if (!this.owner.isConnected()) return;
    const {connection} = this.owner;
    connection.send({a: 'ps', ch: channel.name, seq: connection._presenceSeq++});
  }

  private rejoin(channel: Channel): void {
    this.awaitRemotes(channel);
    if (channel.subscribers.size) this.subscribeAtServer(channel);
    // For a new connection, the server has none of the presences that were sent before.
    const pending = new Set(channel.outgoing.map(({tab, id}) => `${tab?.id} ${id}`));
    for (const [tab, own] of channel.locals) {
      for (const value of own.values()) {
        if (!pending.has(`${tab.id} ${value.id}`)) channel.outgoing.push({...value, tab: undefined});
      }
    }
    this.flush(channel);
    this.release(channel);
  }

  /**
   * Marks all presences of other clients as missing. When the host subscribes again, the server asks the clients to send them again. Those
   * that have not arrived after PRESENCE_EXPIRY_MS are removed: their clients have left.
   */
  private awaitRemotes(channel: Channel): void {
    for (const [id, value] of channel.remotes) channel.missing.set(id, value);
    channel.remotes.clear();
    channel.endWait?.();
    if (channel.missing.size) channel.endWait = this.owner.after(PRESENCE_EXPIRY_MS, () => {
      for (const value of channel.missing.values()) this.forget(channel, value);
    });
  }

  /** Removes the presence of a client that has left from the tabs. */
  private forget(channel: Channel, value: PresenceValue): void {
    channel.missing.delete(value.id);
    for (const tab of channel.subscribers) this.sendTo(tab, channel, {...value, p: null, pv: value.pv + 1});
  }

  private onSubscribed(error: Error | null, ch: string): void {
    const channel = this.channel(ch);
    channel.subscribedAtServer = !error;
    this.answerWaiting(channel, error);
    // The tab that has subscribed may have ended.
    this.release(channel);
  }

  private answerWaiting(channel: Channel, error: Error | null): void {
    const waiting = channel.waiting;
    channel.waiting = [];
    for (const {tab, seq} of waiting) {
      if (error) channel.subscribers.delete(tab);
      tab.send({a: 'ps', ch: channel.name, seq, ...(error && {error: encodeError(error)})});
      if (!error) this.sendValues(tab, channel);
    }
  }

  /** Asks the tabs to send their presences again, because another client has subscribed to the channel at the server. */
  private onRequested(error: Error | null, ch: string): void {
    const channel = this.channels.get(ch);
    if (!channel) return;
    const tabs = error ? channel.subscribers : new Set([...channel.subscribers, ...channel.locals.keys()]);
    for (const tab of tabs) tab.send({a: 'pr', ch, ...(error && {error: encodeError(error)})});
  }

  /** Sends waiting values to the server. A document's presence is sent only at a version of the server, without pending ops. */
  private flush(channel: Channel): void {
    if (!this.owner.isConnected()) return;
    const {connection} = this.owner;
    channel.outgoing = channel.outgoing.filter(({tab, id, p, pv, ownPv, doc, t}) => {
      if (doc?.doc.hasWritePending()) return true;
      const message = {a: 'p', ch: channel.name, id, p, pv};
      this.acks.set(ackKey(channel.name, id, pv), {tab, ownPv, isEnd: ownPv !== undefined && !channel.locals.get(tab!)?.has(id)});
      connection.send(doc ? {...message, c: doc.collection, d: doc.id, v: doc.doc.version, t} : message);
      return false;
    });
  }

  private receiveFromServer(error: Error | null, message: PresenceReply): void {
    const {ch, id, pv, src} = message;
    const key = ackKey(ch, id, pv);
    if (this.acks.has(key) && (error || this.ownIds.has(src ?? null))) {
      const {tab, ownPv, isEnd} = this.acks.get(key)!;
      this.acks.delete(key);
      tab?.send({a: 'p', ch, id, pv: ownPv, ...(error && {error: encodeError(error)})});
      // The tab removes its own presence from the channel a turn after the answer.
      if (isEnd && !error) this.owner.after(LEAVING_MS, () => this.showNext(tab!, ch, id));
      return undefined;
    }
    const channel = this.channels.get(ch);
    if (!channel || (src !== undefined && this.ownIds.has(src))) return;
    if (!error) return this.receiveRemote(channel, message);
    for (const tab of channel.subscribers) tab.send({a: 'p', ch, id, error: encodeError(error)});
  }

  /**
   * Sends a tab that has removed its presence the value of another tab with the same id. If there is none, removes the value that the tab
   * had before it used the id. This must follow the answer to the removal.
   */
  private showNext(tab: Tab, ch: string, id: string): void {
    const channel = this.channels.get(ch);
    if (!channel?.subscribers.has(tab) || channel.locals.get(tab)?.has(id)) return;
    const next = lastLocalValue(channel, id)?.value ?? lastShown(channel, tab, id);
    if (next) this.sendTo(tab, channel, next);
  }

  private receiveRemote(channel: Channel, message: PresenceReply): void {
    const {src, id, c, d, v, t} = message;
    const value: PresenceValue = {src, id, p: message.p ?? null, pv: message.pv ?? 0};
    const missing = channel.missing.get(id);
    // Another client with the same id counts its own versions. Without this removal, tabs might treat its values as older ones.
    if (missing && missing.src !== src) this.forget(channel, missing);
    channel.missing.delete(id);
    const known = channel.remotes.get(id);
    if (known && known.pv > value.pv) return;
    if (c != null && d != null) {
      const doc = this.owner.share(this.owner.connection.get(c, d));
      const {version} = doc.doc;
      if (value.p !== null && (version === null || v! > version)) {
        // The ops up to this version are still to arrive, or have to be fetched.
        channel.ahead.push(message);
        if (!doc.doc.subscribed) doc.doc.fetch();
        return;
      }
      if (value.p !== null) {
        const transformed = doc.journaled.serverLog.transformPresence({p: value.p, v: v!, t: t!, src});
        if (!transformed) return this.owner.connection.send({a: 'pr', ch: channel.name});
        value.p = transformed.p;
      }
      value.doc = doc;
      value.t = t;
    }
    if (value.p === null) channel.remotes.delete(id);
    else channel.remotes.set(id, value);
    for (const tab of channel.subscribers) this.sendTo(tab, channel, value);
  }

  // ---- channels

  private channel(name: string): Channel {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = newChannel(name);
      this.channels.set(name, channel);
    }
    return channel;
  }

  /**
   * Unsubscribes from a channel without subscribers, and deletes an empty channel.
   * @returns the seq of an unsubscribe that the server will answer
   */
  private release(channel: Channel): number | undefined {
    const {connection} = this.owner;
    let seq: number | undefined;
    if (channel.subscribers.size === 0 && channel.subscribedAtServer) {
      channel.subscribedAtServer = false;
      channel.remotes.clear();
      channel.missing.clear();
      channel.endWait?.();
      if (this.owner.isConnected()) connection.send({a: 'pu', ch: channel.name, seq: (seq = connection._presenceSeq++)});
    }
    if (!channel.subscribers.size && !channel.locals.size && !channel.outgoing.length) this.channels.delete(channel.name);
    return seq;
  }
}
