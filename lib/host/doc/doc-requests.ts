import {isLocal} from '../../protocol/local.js';
import type {Position} from '../../protocol/messages.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {Tab} from '../tab.js';
import type {Callback, RealDoc} from '../upstream.js';
import type {DeferredActions} from './deferred-actions.js';
import type {DocLifetime} from './doc-lifetime.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {Followers} from './followers.js';
import type {JournaledDoc} from './journaled-doc.js';
import {FailedRead} from './failed-read.js';
import {StatesOfTabs} from './states-of-tabs.js';

/** ShareDB's actions for a fetch and a subscription. */
export type ReadAction = 'f' | 's';

export interface DocRequestsOwner {
  readonly doc: RealDoc;
  readonly journaled: JournaledDoc;
  readonly followers: Followers;
  readonly updates: FollowerUpdates;
  readonly deferred: DeferredActions;
  readonly lifetime: DocLifetime;
  readonly faults: Pick<ServerFaults, 'isTransient' | 'readAgain' | 'forgetRead'>;
}

/**
 * The source of the answer to a request.
 * - 'copy': the host's document.
 * - 'server': the server.
 * - 'newest': a fetch from the server, although the host's document is subscribed.
 * - 'copy first': the host's document. The server's answer follows as a change.
 */
type Source = 'copy' | 'server' | 'newest' | 'copy first';

/** Answers the fetches and subscriptions of tabs from the host's copy of the document or from the server. */
export class DocRequests {
  private readonly failedRead: FailedRead;
  private readonly states: StatesOfTabs;
  /** The requests without an answer. If the document is restored late, it answers them. */
  private readonly unanswered = new Set<() => void>();

  constructor(private readonly owner: DocRequestsOwner) {
    const {doc, journaled, updates, faults, followers} = owner;
    this.failedRead = new FailedRead(doc, faults, followers, refusal => this.endFailedRead(refusal));
    this.states = new StatesOfTabs(doc, journaled, updates);
  }

  answer(follower: Follower, action: ReadAction, position: Position): void {
    const {doc} = this.owner;
    const {ingestedSnapshot: ingested} = position;
    follower.requests++;
    if (ingested) this.states.position(follower, position.inc, ingested);
    const reply = follower.tab.inThisSession((failure?: Error | null) => this.reply(follower, action, position, reply, failure));
    const tabHasNoState = follower.sent === null && !ingested;
    if (tabHasNoState) this.owner.journaled.server.recheck();
    switch (this.sourceFor(action, position, tabHasNoState)) {
      case 'copy':
        return reply();
      case 'newest':
        return doc.fetch(reply);
      case 'server':
        return this.load(action, this.answerable(reply));
      case 'copy first':
        this.loadBehind(follower, action);
        return reply();
    }
  }

  private sourceFor(action: ReadAction, {ingestedSnapshot: ingested, stored}: Position, tabHasNoState: boolean): Source {
    const {doc, journaled, updates} = this.owner;
    const {isConnected} = this;
    // The tab has a later version of the server than this host.
    const isBehind = !!ingested && (ingested.v ?? 0) > (doc.version ?? 0);
    if (this.isCurrent) {
      // A fetch must return the server's present state, even if the server has not published its last ops yet.
      const isFetch = action === 'f' && !isLocal(doc.collection) && !ingested && !stored;
      if (isBehind || isFetch) return 'newest';
      return tabHasNoState && !journaled.server.isTrusted ? 'copy first' : 'copy';
    }
    if (journaled.isLocked && (isLocal(doc.collection) || !isConnected)) return 'copy';
    // Without a connection, only the host's copy can answer.
    const hasCopy = journaled.hasState && !updates.isInRollback;
    return !isBehind && hasCopy && (stored || !isConnected) ? 'copy first' : 'server';
  }

  /** Whether the host's copy is kept equal to the server's state by a subscription. */
  private get isCurrent(): boolean {
    const {doc, updates, journaled} = this.owner;
    return doc.subscribed && !updates.isInRollback && this.isConnected && journaled.hasState && !journaled.missing;
  }

  /** Whether the document's own connection is connected. That of a local document always is. */
  private get isConnected(): boolean {
    return this.owner.doc.connection.state === 'connected';
  }

  // ---- asking the server

  private ask(action: ReadAction, callback: Callback): void {
    const {doc} = this.owner;
    if (action === 'f') doc.fetch(callback);
    else doc.subscribe(callback);
  }

  private load(action: ReadAction, callback: Callback): void {
    this.ask(action, failure => {
      if (!failure) this.noteRead();
      callback(failure);
    });
  }

  /** Sends the request to the server, although the tab is answered from the copy. */
  private loadBehind(follower: Follower, action: ReadAction): void {
    if (action === 's') return this.ask(action, failure => this.noteRead(failure));
    if (!this.isConnected && this.owner.journaled.server.isTrusted) return undefined;
    follower.awaitsServer = true;
    return this.ask(action, failure => {
      follower.awaitsServer = !!failure && this.owner.faults.isTransient(failure);
      this.noteRead(failure);
    });
  }

  private noteRead(failure?: Error | null): void {
    const {faults, doc} = this.owner;
    if (!failure) faults.forgetRead(doc);
    else if (faults.isTransient(failure)) this.failedRead.after(failure);
  }

  private endFailedRead(refusal: Error | undefined): void {
    const {updates, lifetime} = this.owner;
    if (refusal) updates.endSubscriptions(refusal);
    lifetime.releaseSubscription();
    lifetime.checkIdle();
  }

  // ---- answering the tab

  /** Answers the waiting requests with a state that was restored late, if the server is unreachable. */
  answerFromStore(): void {
    if (!this.isConnected) for (const answer of this.unanswered) answer();
  }

  /** Returns a callback that replies once: with the server's answer, or with a state that is restored before the answer. */
  private answerable(reply: Callback): Callback {
    const answer = (error?: Error | null): void => {
      if (this.unanswered.delete(answer)) reply(error);
    };
    this.unanswered.add(answer);
    return answer;
  }

  /** @param again as `reply`, but does nothing if the tab's session has ended. Called if the answer has to wait. */
  private reply(follower: Follower, action: ReadAction, {inc, ingestedSnapshot: ingested}: Position, again: Callback, failure?: Error | null): void {
    const {updates, deferred, journaled, lifetime} = this.owner;
    if (updates.isInRollback) return deferred.defer(() => again(failure));
    const isHidden = !!failure && this.continuesFromCopy(follower, action, failure);
    const error = (isHidden ? undefined : failure) ?? journaled.missing;
    if (ingested && !error) {
      this.states.position(follower, inc, ingested);
      if (this.states.askForOps(follower, inc, ingested, () => again(failure))) return undefined;
    }
    follower.requests--;
    if (!error) updates.answer(follower, action, inc);
    else {
      if (action === 's') {
        follower.subscribed = false;
        lifetime.releaseSubscription();
      }
      updates.answerError(follower, action, inc, error);
    }
    return lifetime.checkIdle();
  }

  /**
   * Returns whether a request is answered from the copy because of a temporary error of the server. This applies to subscriptions, and to
   * fetches of tabs without a state. The server's later answer follows as a change.
   */
  private continuesFromCopy(follower: Follower, action: ReadAction, error: Error): boolean {
    if (!this.owner.journaled.hasState || (action === 'f' && follower.sent !== null) || !this.owner.faults.isTransient(error)) return false;
    if (action === 'f') follower.awaitsServer = true;
    this.failedRead.after(error);
    return true;
  }

  unsubscribe(tab: Tab, position: Position): void {
    const {doc, updates, lifetime} = this.owner;
    const reply = tab.inThisSession(() => updates.answerUnsubscribe(tab, position));
    if (lifetime.canRelease) doc.unsubscribe(() => reply());
    else reply();
    lifetime.checkIdle();
  }
}
