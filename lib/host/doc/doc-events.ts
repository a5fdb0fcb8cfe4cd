import type {Entry, Step} from '../../ot/history-entry.js';
import type {ErrorData} from '../../protocol/errors.js';
import type {LostStep} from '../letters/dead-letters.js';
import type {RealDoc, RealOp} from '../upstream.js';
import type {CheckpointScheduler} from './checkpoint-scheduler.js';
import type {DeferredActions} from './deferred-actions.js';
import type {DocJournal} from './doc-journal.js';
import type {DocLifetime} from './doc-lifetime.js';
import type {DocOwner} from './doc-owner.js';
import type {DocRestore} from './doc-restore.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Followers} from './followers.js';
import type {HistoryRetention} from './history-retention.js';
import type {JournaledDocEvents} from './journaled-doc-events.js';

/** The parts of a shared document that handle its events. */
export interface DocEventsParts {
  readonly doc: RealDoc;
  readonly journal: DocJournal | undefined;
  readonly journaled: object;
  readonly checkpoints: CheckpointScheduler | undefined;
  readonly deferred: DeferredActions;
  readonly followers: Followers;
  readonly lifetime: DocLifetime;
  readonly restoring: DocRestore;
  readonly retention: HistoryRetention;
  readonly updates: FollowerUpdates;
  checkpoint(): void;
  runDeferred(): void;
}

/** Passes the events of the journaled document to the other parts of a shared document, and to its owner. */
export class DocEvents<Doc> implements JournaledDocEvents {
  /** @param doc the shared document, which is passed to its owner */
  constructor(private readonly doc: Doc, private readonly owner: DocOwner<Doc>, private readonly parts: DocEventsParts) {}

  get isFollowed(): boolean {
    return this.parts.followers.haveState;
  }

  /** Whether a hard rollback could lose ops of other tabs. After a restart, some tabs may not have returned yet. */
  isShared(owner: string | undefined): boolean {
    return this.parts.restoring.wasRestored || this.parts.followers.hasOthersThan(owner);
  }

  onEntry(entry: Entry): void {
    for (const follower of this.parts.followers.recipientsOf(entry)) {
      this.parts.updates.catchUp(follower);
      follower.grace = false;
    }
    this.owner.onEntry(this.doc, entry);
    if (!this.parts.restoring.isRestoring) this.parts.retention.noteEntry(entry.rev);
  }

  onServerOp(step: Step): void {
    this.owner.onServerOp(this.doc, step);
  }

  onRollback(): void {
    this.owner.faults.forget(this.parts.doc);
    this.parts.updates.beginRollback();
    this.owner.onRollback(this.doc);
  }

  onReset(error: ErrorData, loadError: ErrorData | undefined): void {
    this.parts.updates.endRollback(error, loadError);
    this.parts.checkpoint();
    this.parts.runDeferred();
    this.parts.updates.catchUpAll();
  }

  onLost(v: number | null, ops: LostStep[]): void {
    const {collection, id} = this.parts.doc;
    // Losses in the replayed journal were reported before.
    if (!this.parts.restoring.isRestoring) this.owner.onLost({collection, doc: id, v, ops});
  }

  onHistoryGone(version: number): void {
    this.owner.onHistoryGone(this.doc, version);
  }

  onSaved(op: Pick<RealOp, 'src' | 'seq'>): void {
    if (!this.parts.restoring.isRestoring) this.owner.onSaved(op);
  }

  willRetry(error: Error, op: RealOp): boolean {
    return this.owner.faults.willRetry(this.parts.doc, op, error);
  }

  isTransient(error: Error): boolean {
    return this.owner.faults.isTransient(error);
  }

  readLater(error: Error, ask: () => void): void {
    // The document itself can't be the key, because the answer to one of its other requests would cancel this one.
    this.owner.faults.readAgain(this.parts.journaled, error, ask);
  }

  endReadingLater(): void {
    this.owner.faults.forgetRead(this.parts.journaled);
  }

  isHeldBack(op: RealOp): boolean {
    return this.owner.fatalOps.isHeldBack(op);
  }

  beginSettling(): void {
    this.owner.faults.forget(this.parts.doc);
    if (this.parts.doc.inflightOp) this.owner.fatalOps.forget(this.parts.doc.inflightOp);
    this.parts.updates.outcomes.begin();
  }

  endSettling(): void {
    this.parts.updates.outcomes.end();
  }

  onError(error: Error, owner: string | undefined): void {
    this.parts.updates.sendError(error, owner);
  }

  onJournal(): void {
    this.parts.checkpoints?.noteWrite();
  }

  onLoad(): void {
    if (this.parts.journal && !this.parts.updates.isInRollback) this.parts.checkpoint();
  }

  /** Reports an unknown OT type to the owner and, unless a request is answered with the error, to the tabs that follow the document. */
  onMissingType(error: Error, isAnswer = false): void {
    this.owner.onMissingType(this.doc, error);
    if (isAnswer) return;
    for (const {tab, sent, requests} of this.parts.followers) if (sent !== null && !requests) this.parts.updates.sendError(error, tab.id);
  }

  onRefused(error: Error): void {
    this.parts.updates.empty(error);
    this.parts.checkpoints?.cancel();
    this.parts.journal?.delete();
    this.parts.lifetime.releaseSubscription();
  }

  together(act: () => void): void {
    this.parts.lifetime.retain();
    this.owner.together(() => {
      act();
      this.parts.lifetime.release();
    });
  }

  defer(act: () => void): void {
    this.parts.deferred.defer(act);
  }
}
