import {postFrame} from '../broker/service-frames.js';
import type {DeliveryRule, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import type {ServiceFrame} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';
import type {TabEntry} from '../protocol/report.js';
import {Answers, type Question} from './answers.js';

/** A tab as its host knows it, over all its sessions. */
export class Tab {
  session: HostSession | undefined;
  /** Set if it can supply tokens: whether it is visible, and when it was opened, in ms since the epoch. */
  token: {isVisible: boolean; since: number} | undefined;
  /** The name of the service in this host, if it is a service's connection. */
  service: string | undefined;
  /** It has seen its connection lost, so it asks for everything again when the host's connection is there. */
  asksAgain = false;
  /** Its page is read-only: it changes nothing. */
  isObserver = false;
  /** Until `endBulk`. */
  private isBulk = false;
  /** The messages that are collected, to be sent as one. */
  private together: {messages: (Message | string)[]; open: number; whenTold: (() => void)[]} | undefined;
  private readonly answers = new Answers((message, atOnce) => {
    if (this.together) return void this.together.messages.push(message);
    this.session?.send(message);
    if (atOnce) this.session?.flush();
  });

  constructor(readonly id: TabId) {}

  /**
   * The tab is told the state of the host's connection to the server.
   * @param hadHost it has lost a session with this host or another one
   */
  noteServerState(state: string, hadHost = false): void {
    this.asksAgain = state === 'connecting' ? this.asksAgain || hadHost : state !== 'connected';
  }

  /** See {@link HostSession.send}. */
  send(message: Message | string, rule?: DeliveryRule, mayWait?: boolean): void {
    this.answers.flush();
    if (this.together) this.together.messages.push(message);
    else this.session?.send(message, rule, mayWait);
  }

  /**
   * Collects all messages to the tab from now on, and sends them as one, so that the tab never shows a part of them.
   * @param id the transaction that the messages belong to
   * @returns ends the collection and sends them
   */
  gather(id?: string): () => void {
    const {session} = this;
    if (!session) return () => {};
    const together = (this.together ??= {messages: [], open: 0, whenTold: []});
    together.open++;
    return () => {
      if (--together.open || this.together !== together) return;
      this.answers.flush();
      this.together = undefined;
      if (together.messages.length) {
        const messages = together.messages.map(message => (typeof message === 'string' ? message : JSON.stringify(message)));
        session.send(`{"a":"shared.entries"${id === undefined ? '' : `,"id":${JSON.stringify(id)}`},"messages":[${messages.join()}]}`);
      }
      for (const callback of together.whenTold) callback();
    };
  }

  /** A new session begins. The collected messages of the last one are dropped: the tab requests their content again. */
  begin(session: HostSession): void {
    this.session = session;
    const {together} = this;
    this.together = undefined;
    for (const callback of together?.whenTold ?? []) callback();
  }

  /** Resolves when no messages are collected, so that an answer does not arrive before the changes that it reports. */
  whenTold(): Promise<void> {
    const {together} = this;
    return together ? new Promise(resolve => { together.whenTold.push(resolve); }) : Promise.resolve();
  }

  /** Posts a frame after all earlier messages to the tab. @throws if it can't be cloned */
  postFrame(message: ServiceFrame, transfer: Transferable[]): void {
    this.answers.flush();
    if (this.session) postFrame(this.session, message, transfer);
  }

  /** @param state the state of the requested document, as JSON */
  answer(question: Question, state: string): void {
    this.answers.add(question, state);
    if (!this.isBulk) this.answers.flush();
  }

  /** Answers from now on leave with `endBulk`, in this turn. */
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

  /** Runs the rest of a request's work, unless the session that made it has ended meanwhile. */
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
