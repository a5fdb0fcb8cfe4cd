import {isLocal} from '../../protocol/local.js';
import {isTransactionAuthor} from '../../protocol/transactions.js';
import type {Tab} from '../tab.js';
import type {RealDoc} from '../upstream.js';
import type {DeferredActions} from './deferred-actions.js';
import type {DocJournal, Restored} from './doc-journal.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Followers} from './followers.js';
import type {HistoryRetention} from './history-retention.js';
import type {JournaledDoc} from './journaled-doc.js';
import type {Sequencer} from './sequencer.js';

export interface DocRestoreOwner {
  readonly doc: RealDoc;
  readonly journaled: JournaledDoc;
  readonly followers: Followers;
  readonly updates: FollowerUpdates;
  readonly sequencer: Sequencer;
  readonly deferred: DeferredActions;
  readonly retention: HistoryRetention;
  /** Whether a stored state is updated by ops, without asking the server for the snapshot. */
  readonly resumesFromStore: boolean;
  tab(id: string): Tab;
  /** The time in ms since the epoch. */
  now(): number;
  /** Runs actions for documents that were read together as one group. */
  together(act: () => void): void;
  /** The journal was read and contained a state. */
  onRestored(): void;
  /** The deferred actions can run. */
  onRead(): void;
}

/** Reads a document from its journal. Requests wait meanwhile. */
export class DocRestore {
  isRestoring = false;
  wasRestored = false;

  constructor(private readonly journal: DocJournal | undefined, private readonly owner: DocRestoreOwner) {}

  /** Restores the document. If it was open before, it must be blank (see `SharedDoc.isBlank`). */
  restore(): void {
    const {journal, owner} = this;
    if (!journal) return;
    const {journaled, deferred, doc} = owner;
    this.isRestoring = true;
    // The document may have a state already, from a query's results. It is newer than the stored state, so it is ingested afterwards.
    const arrived = journaled.takeOut();
    if (arrived) deferred.defer(() => doc.ingestSnapshot(arrived));
    journaled.beginReading();
    void journal.load().then(stored => owner.together(() => {
      const missed = journaled.endReading();
      this.wasRestored = !!stored && this.revive(stored, journal);
      if (this.wasRestored) this.noteRestored();
      // Tabs may return with revisions of the history that can't be used. They must not be revisions of the new one.
      else journaled.beginAt(owner.now());
      this.isRestoring = false;
      if (this.wasRestored) owner.onRestored();
      if (missed) doc.fetch();
      owner.onRead();
    }));
  }

  /** @returns whether the state could be restored. Otherwise the document has no state. */
  private revive(stored: Restored, journal: DocJournal): boolean {
    const {journaled, followers, updates, sequencer} = this.owner;
    try {
      for (const {id, lastSeq, outcomes} of stored.checkpoint?.tabs ?? []) {
        const tab = this.owner.tab(id);
        followers.of(tab).lastSeq = lastSeq;
        updates.outcomes.restore(tab, outcomes);
      }
      journaled.restore(stored, (owner, seq) => sequencer.restore(owner, seq));
      return true;
    } catch (error) {
      if (!journaled.lock(error)) journal.setAside(error);
      journaled.startAnew();
      followers.clearRestored();
      updates.outcomes.clear();
      sequencer.clear();
      return false;
    }
  }

  /** Keeps the history for tabs that will return, and makes the next request check the state at the server. */
  private noteRestored(): void {
    const {journaled, followers, retention, doc, resumesFromStore} = this.owner;
    const {start} = journaled.history;
    for (const follower of followers) if (!isTransactionAuthor(follower.tab.id)) follower.awaitFrom(start);
    retention.awaitTabs();
    if (!resumesFromStore && !isLocal(doc.collection)) journaled.server.noteStoredState();
  }
}
