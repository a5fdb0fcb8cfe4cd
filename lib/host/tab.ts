import {postFrame} from '../broker/service-frames.js';
import type {DeliveryRule, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import type {ServiceFrame} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';
import type {TabEntry} from '../protocol/report.js';
import {Answers, type Question} from './answers.js';

/** A host's record of a tab, across the tab's sessions. */
export class Tab {
  session: HostSession | undefined;
  /** Set if the tab can supply tokens: whether it is visible, and when it first reported this, in ms since the epoch. */
  token: {isVisible: boolean; since: number} | undefined;
  /** The name of the service, if this is the connection of a service in this host. */
  service: string | undefined;
  /** Whether the tab was notified that the connection is lost, so that it repeats its requests when the connection exists again. */
  asksAgain = false;
  /** Whether this is a read-only page. */
  isObserver = false;
  /** Whether answers are collected until `endBulk`. */
  private isBulk = false;
  /** The messages that are collected to be sent as one: see `gather`. */
  private collected: {messages: (Message | string)[]; open: number; whenSent: (() => void)[]} | undefined;
  private readonly answers = new Answers((message, atOnce) => {
    if (this.collected) return void this.collected.messages.push(message);
    this.session?.send(message);
    if (atOnce) this.session?.flush();
  });

  constructor(readonly id: TabId) {}

  /**
   * Notes the state of the host's connection to the server, which is sent to the tab.
   * @param hadHost whether the tab has lost a session with this host or another one
   */
  noteServerState(state: string, hadHost = false): void {
    this.asksAgain = state === 'connecting' ? this.asksAgain || hadHost : state !== 'connected';
  }

  /** See {@link HostSession.send}. */
  send(message: Message | string, rule?: DeliveryRule, mayWait?: boolean): void {
    this.answers.flush();
    if (this.collected) this.collected.messages.push(message);
    else this.session?.send(message, rule, mayWait);
  }

  /**
   * Collects all messages to the tab from now on and sends them as one, so that the tab never shows only some of their changes.
   * @param id the transaction that the messages belong to
   * @returns a function that ends the collection and sends the messages
   */
  gather(id?: string): () => void {
    const {session} = this;
    if (!session) return () => {};
    const collected = (this.collected ??= {messages: [], open: 0, whenSent: []});
    collected.open++;
    return () => {
      if (--collected.open || this.collected !== collected) return;
      this.answers.flush();
      this.collected = undefined;
      if (collected.messages.length) {
        const messages = collected.messages.map(message => (typeof message === 'string' ? message : JSON.stringify(message)));
        session.send(`{"a":"shared.entries"${id === undefined ? '' : `,"id":${JSON.stringify(id)}`},"messages":[${messages.join()}]}`);
      }
      for (const callback of collected.whenSent) callback();
    };
  }

  /** Begins a session. The collected messages of the last session are dropped, because the tab requests their content again. */
  begin(session: HostSession): void {
    this.session = session;
    const {collected} = this;
    this.collected = undefined;
    for (const callback of collected?.whenSent ?? []) callback();
  }

  /** Resolves when no messages are collected, so that an answer does not arrive before the changes that it reports. */
  whenSent(): Promise<void> {
    const {collected} = this;
    return collected ? new Promise(resolve => { collected.whenSent.push(resolve); }) : Promise.resolve();
  }

  /** Posts a frame after all earlier messages to the tab. @throws DataCloneError if the frame can't be cloned */
  postFrame(message: ServiceFrame, transfer: Transferable[]): void {
    this.answers.flush();
    if (this.session) postFrame(this.session, message, transfer);
  }

  /** Answers a request for a document's state. @param state the state, as JSON */
  answer(question: Question, state: string): void {
    this.answers.add(question, state);
    if (!this.isBulk) this.answers.flush();
  }

  /** Collects answers until `endBulk`, which must follow in this turn. */
  startBulk(): void {
    this.isBulk = true;
  }

  endBulk(): void {
    this.isBulk = false;
    this.answers.flush();
  }

  /** Runs a function whose messages are not sent to the tab. */
  silently(act: () => void): void {
    const {session} = this;
    this.session = undefined;
    try {
      act();
    } finally {
      this.session = session;
    }
  }

  /** Returns a callback that does nothing if the tab's present session has ended. */
  inThisSession<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
    const {session} = this;
    return (...args) => {
      if (session && this.session === session) callback(...args);
    };
  }

  inspect(): TabEntry {
    const {id, session} = this;
    return {id, isThere: !!session, ...(this.isObserver && {isObserver: true}), ...(session?.progress ?? {sentBatches: 0, acknowledgedBatches: 0})};
  }
}
