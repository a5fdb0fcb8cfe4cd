import {postFrame} from '../broker/service-frames.js';
import type {Care, HostSession} from '../broker/host-session.js';
import type {Message} from '../broker/session.js';
import type {ServiceFrame} from '../protocol/frames.js';
import type {TabId} from '../protocol/ids.js';
import type {HostReport} from '../protocol/report.js';
import {Answers, type Question} from './answers.js';

/** A tab as its host knows it, over all its sessions. */
export class Tab {
  session: HostSession | undefined;
  /** Where it can give tokens: whether it is visible, and since when it has been there, in ms since the epoch. */
  token: {isVisible: boolean; since: number} | undefined;
  /** The name of the service in this host whose connection it is. */
  service: string | undefined;
  /** Until `endBulk`. */
  private isBulk = false;
  /** What is sent until `endTogether`. */
  private together: (Message | string)[] | undefined;
  private readonly answers = new Answers((message, atOnce) => {
    if (this.together) return void this.together.push(message);
    this.session?.send(message);
    if (atOnce) this.session?.flush();
  });

  constructor(readonly id: TabId) {}

  /** See {@link HostSession.send}. */
  send(message: Message | string, care?: Care, mayWait?: boolean): void {
    this.answers.flush();
    if (this.together) this.together.push(message);
    else this.session?.send(message, care, mayWait);
  }

  /** What is sent from now on the tab gets as one: it never shows a part of it. */
  startTogether(): void {
    if (this.session) this.together ??= [];
  }

  /** @param id the transaction that it tells of */
  endTogether(id?: string): void {
    this.answers.flush();
    const {together} = this;
    this.together = undefined;
    if (!together?.length) return;
    const messages = together.map(message => (typeof message === 'string' ? message : JSON.stringify(message)));
    this.session?.send(`{"a":"shared.entries"${id === undefined ? '' : `,"id":${JSON.stringify(id)}`},"messages":[${messages.join()}]}`);
  }

  /** Posts a frame behind what the tab was told before. @throws where it can't be cloned */
  postFrame(message: ServiceFrame, transfer: Transferable[]): void {
    this.answers.flush();
    if (this.session) postFrame(this.session, message, transfer);
  }

  /** @param state of the document that the tab asks for, as JSON */
  answer(question: Question, state: string): void {
    this.answers.add(question, state);
    if (!this.isBulk) this.answers.flush();
  }

  /** What is answered from now on leaves with `endBulk`, in this turn. */
  startBulk(): void {
    this.isBulk = true;
  }

  endBulk(): void {
    this.isBulk = false;
    this.answers.flush();
  }

  /** Does something that the tab hears nothing of. */
  unheard(act: () => void): void {
    const {session} = this;
    this.session = undefined;
    try {
      act();
    } finally {
      this.session = session;
    }
  }

  /** Runs what is left to do for a request, unless the session that made it has ended meanwhile. */
  inThisSession<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
    const {session} = this;
    return (...args) => {
      if (session && this.session === session) callback(...args);
    };
  }

  inspect(): HostReport['tabList'][number] {
    const {id, session} = this;
    return {id, isThere: !!session, ...(session?.progress ?? {sentBatches: 0, acknowledgedBatches: 0})};
  }
}
