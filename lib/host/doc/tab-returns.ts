import type {ResumeMessage} from '../../protocol/messages.js';
import type {RealDoc} from '../upstream.js';
import type {FollowerUpdates} from './follower-updates.js';
import type {Follower} from './follower.js';
import type {JournaledDoc} from './journaled-doc.js';
import {historyLost} from './op-errors.js';
import type {Sequencer} from './sequencer.js';

/** Continues a document in a tab that returns after the end of its session or its host. */
export class TabReturns {
  /** @param epoch the host's epoch */
  constructor(
    private readonly doc: RealDoc,
    private readonly epoch: string,
    private readonly journaled: JournaledDoc,
    private readonly updates: FollowerUpdates,
    private readonly sequencer: Sequencer
  ) {}

  resume(follower: Follower, {inc, rev, unsettled, awaitsReset = false, unconfirmed = [], onlyHost = this.epoch}: ResumeMessage['docs'][number]): void {
    const {updates, journaled} = this;
    // The message is for an earlier incarnation if the tab has restarted the document meanwhile.
    const isPast = inc < follower.inc;
    if (!isPast) follower.return(inc, null);
    if (awaitsReset) return updates.resumeReset(follower, unsettled);
    if (isPast || rev === null) {
      updates.repeatOutcomes(follower, unsettled);
      // An op was placed by a host that could not write it, so no other host has it.
      if (!isPast && onlyHost !== this.epoch && unsettled.some(seq => seq > follower.lastSeq)) updates.loseOps(follower);
      return;
    }
    // The revision belongs to entries that another host could not write. Here, the same number may be another state.
    if (onlyHost !== this.epoch) return updates.lose(follower);
    // This host has no history of the document, so the tab restarts the document. A document that was created and deleted has a history, but no state.
    if (journaled.isNew) return updates.lose(follower);
    return this.continueFrom(follower, inc, rev, unconfirmed, unsettled);
  }

  private continueFrom(
    follower: Follower, inc: number, rev: number, unconfirmed: NonNullable<ResumeMessage['docs'][number]['unconfirmed']>, unsettled: number[]
  ): void {
    const {updates, journaled: {history}, doc} = this;
    follower.tab.silently(() => this.sequencer.replayUnconfirmed(rev, unconfirmed));
    const end = history.end(rev, unconfirmed);
    // Another tab may have returned first and replayed other ops.
    const detour = end === undefined ? history.continuationAround(rev, unconfirmed, doc.type) : undefined;
    if (end === undefined && !detour) {
      updates.repeatOutcomes(follower, unsettled);
      return updates.reset(follower, historyLost(doc));
    }
    follower.return(inc, end ?? history.rev);
    if (unconfirmed.length) updates.continueFrom(follower, end ?? history.rev, detour);
    updates.catchUp(follower);
    return updates.repeatOutcomes(follower, unsettled);
  }
}
