import {MAX_UNWRITTEN_MESSAGES} from '../../broker/host-session.js';
import type {History} from '../../ot/history.js';
import type {Followers} from './followers.js';

/** The largest size of the history that is kept for tabs, in characters. A tab that lacks older entries gets a snapshot when it returns. */
const MAX_HISTORY = 4 * 1024 * 1024;
/** How long the whole history is kept after a restart, in ms, for tabs that the journal does not contain. */
export const RETURN_MS = 60_000;
/** The number of entries between two trims. */
const TRIM_EVERY = 64;

/** Removes the entries of a document's history that no tab can refer to any more. */
export class HistoryRetention {
  /** From which revision the history is kept for tabs that the journal does not contain, and until when, in ms since the epoch. */
  private kept: {from: number; until: number} | undefined;

  constructor(private readonly history: History, private readonly followers: Followers, private readonly now: () => number) {}

  /** Keeps the whole history for a while, because the document was restored. The journal does not contain tabs that have only read. */
  awaitTabs(): void {
    this.kept = {from: this.history.start, until: this.now() + RETURN_MS};
  }

  noteEntry(rev: number): void {
    if (rev % TRIM_EVERY === 0) this.trim();
  }

  private trim(): void {
    if (this.kept && this.now() >= this.kept.until) this.kept = undefined;
    let oldest = this.kept?.from ?? this.history.rev;
    for (const follower of this.followers) oldest = Math.min(oldest, follower.oldestRev() ?? oldest);
    this.history.trim(oldest - MAX_UNWRITTEN_MESSAGES, MAX_HISTORY);
  }
}
