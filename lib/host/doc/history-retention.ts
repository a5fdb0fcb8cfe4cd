import {MAX_UNWRITTEN_MESSAGES} from '../../broker/host-session.js';
import type {History} from '../../ot/history.js';
import type {Followers} from './followers.js';

/** The size of the history that is kept for absent tabs, in characters. Beyond it, they get a snapshot when they return. */
const MAX_HISTORY = 4 * 1024 * 1024;
/** After a restart, the whole history is kept this long, in ms, for tabs that the journal does not know of. */
export const RETURN_MS = 60_000;
/** The number of entries between two trims. */
const TRIM_EVERY = 64;

/** Keeps a document's history as far back as a tab can still refer to, and forgets the rest. */
export class HistoryRetention {
  /** From which revision, and until when, the history is kept for tabs that the journal does not know of. */
  private kept: {from: number; until: number} | undefined;

  constructor(private readonly history: History, private readonly followers: Followers, private readonly now: () => number) {}

  /** The document was restored. Tabs may return with any revision since. The journal does not know of tabs that have only read. */
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
