import {isLocal} from '../../protocol/local.js';
import type {RealDoc} from '../upstream.js';
import {CheckpointScheduler} from './checkpoint-scheduler.js';
import {DeferredActions} from './deferred-actions.js';
import {DocEvents} from './doc-events.js';
import type {DocJournal} from './doc-journal.js';
import {DocLifetime} from './doc-lifetime.js';
import type {DocOwner} from './doc-owner.js';
import {DocRequests} from './doc-requests.js';
import {DocRestore} from './doc-restore.js';
import {FollowerUpdates} from './follower-updates.js';
import {Followers} from './followers.js';
import {HistoryRetention} from './history-retention.js';
import {JournaledDoc} from './journaled-doc.js';
import {Sequencer} from './sequencer.js';
import {TabReturns} from './tab-returns.js';

/** Creates the parts of a shared document and connects them. */
export class DocParts<Doc> {
  readonly events: DocEvents<Doc>;
  readonly journaled: JournaledDoc;
  readonly followers: Followers;
  readonly updates: FollowerUpdates;
  readonly sequencer: Sequencer;
  readonly requests: DocRequests;
  readonly returns: TabReturns;
  readonly lifetime: DocLifetime;
  readonly retention: HistoryRetention;
  readonly restoring: DocRestore;
  /** Actions that wait until the document is restored or its rollback has ended. */
  readonly deferred = new DeferredActions();
  readonly checkpoints: CheckpointScheduler | undefined;

  /**
   * @param shared the shared document, which is passed to its owner
   * @param start the revision at which the history begins, unless the journal has one
   */
  constructor(shared: Doc, readonly doc: RealDoc, owner: DocOwner<Doc>, readonly journal: DocJournal | undefined, start: number | undefined) {
    const {deferred} = this;
    // The constructor of the journaled document uses the followers, so they are created first.
    const followers = (this.followers = new Followers(tab => Math.max(owner.takenFrom(shared, tab), this.journaled.history.lastSeqOf(tab.id))));
    this.checkpoints = journal && new CheckpointScheduler(journal, owner, () => this.checkpoint());
    const events = (this.events = new DocEvents(shared, owner, this));
    const journaled = (this.journaled = new JournaledDoc(doc, events, journal, start));
    const updates = (this.updates = new FollowerUpdates(doc, journaled, followers));
    const sequencer = (this.sequencer = new Sequencer(doc, journaled, followers, updates, {
      tab: id => owner.tab(id),
      // Ops of local documents are not counted, because no server has to answer them.
      onPending: (change, ops) => { if (!isLocal(doc.collection)) owner.onPending(change, ops, doc); },
      onRejected: (steps, error, v = null) => events.onLost(v, steps.map(step => ({step, type: doc.type?.uri ?? null, error}))),
      onSettled: () => lifetime.checkIdle(),
      onForgotten: (tab, seq) => owner.onGone(shared, tab, seq)
    }));
    const lifetime = (this.lifetime = new DocLifetime({
      doc, followers, deferred,
      isRestoring: () => this.restoring.isRestoring,
      pendingOps: () => sequencer.pendingOps,
      onIdle: () => {
        if (this.checkpoints?.isWaiting) this.checkpoint();
        owner.onIdle(shared);
      }
    }));
    const retention = (this.retention = new HistoryRetention(journaled.history, followers, () => owner.now()));
    this.requests = new DocRequests({doc, journaled, followers, updates, deferred, lifetime, faults: owner.faults});
    this.returns = new TabReturns(doc, owner.epoch, journaled, updates, sequencer);
    this.restoring = new DocRestore(journal, {
      doc, journaled, followers, updates, sequencer, deferred, retention, resumesFromStore: owner.resumesFromStore,
      tab: id => owner.tab(id),
      now: () => owner.now(),
      together: act => owner.together(act),
      onRestored: () => this.requests.answerFromStore(),
      onRead: () => this.runDeferred()
    });
  }

  /** Replaces the journal by the present state, unless the document is being restored or rolled back. */
  checkpoint(): void {
    this.checkpoints?.cancel();
    if (!this.journal || this.restoring.isRestoring || this.journaled.isRollingBack) return;
    const tabs = [...this.followers].map(({tab, lastSeq}) => ({
      id: tab.id as string,
      lastSeq,
      outcomes: this.updates.outcomes.of(tab)
    }));
    this.journaled.checkpoint(tabs.filter(({lastSeq, outcomes}) => lastSeq > 0 || outcomes.length));
  }

  runDeferred(): void {
    this.deferred.run();
    this.lifetime.checkIdle();
  }
}
