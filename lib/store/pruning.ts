import {nameOf} from './coalesce.js';
import type {Change, DocKey, InventoryItem} from './storage.js';

/** How such a small value is called; what follows is the document's key. Its value is a time in ms since the epoch. */
const PREFIX = 'opened: ';
/** A time is written again when it is so old. */
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * When each stored document was last opened, exact to a day, and which documents nobody has opened for `maxAge` ms.
 * A time goes with what is written anyway: it is due until a write with it has succeeded.
 */
export class Pruning {
  private readonly times = new Map<string, number>();
  private readonly due = new Map<string, string | undefined>();

  constructor(private readonly maxAge: number, private readonly now: () => number) {}

  /** Takes notice of small values that are stored. */
  note(name: string, value: string): void {
    const time = Number(value);
    // What was opened meanwhile is newer.
    if (name.startsWith(PREFIX) && !Number.isNaN(time) && !this.due.has(name)) this.times.set(name, time);
  }

  /** @returns whether its time has to be written */
  touch(key: DocKey): boolean {
    const name = PREFIX + nameOf(key);
    const now = this.now();
    const time = this.times.get(name);
    // Also where the clock has been set back since.
    if (time !== undefined && Math.abs(now - time) < DAY_MS) return false;
    this.times.set(name, now);
    this.due.set(name, String(now));
    return true;
  }

  get isDue(): boolean {
    return this.due.size > 0;
  }

  changes(): Change[] {
    return [...this.due].map(([name, value]) => ({type: 'meta', name, value}));
  }

  noteWritten(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'meta' && this.due.has(change.name) && this.due.get(change.name) === change.value) this.due.delete(change.name);
    }
  }

  /**
   * What is to be deleted. A document without a time was stored before there were times: it counts from now on. A time can
   * be a day older than the last opening, and so a document is kept for up to a day longer.
   */
  outdated(items: Iterable<InventoryItem>, isInUse: (key: DocKey) => boolean): DocKey[] {
    const now = this.now();
    const outdated: DocKey[] = [];
    const stored = new Set<string>();
    for (const {key, hasPending} of items) {
      const name = PREFIX + nameOf(key);
      const time = this.times.get(name);
      if (time !== undefined && now - time > this.maxAge + DAY_MS && !hasPending && !isInUse(key)) {
        outdated.push(key);
        continue;
      }
      stored.add(name);
      if (time === undefined || time > now + DAY_MS) this.touch(key);
    }
    this.forgetAllBut(stored);
    return outdated;
  }

  private forgetAllBut(stored: ReadonlySet<string>): void {
    for (const name of this.times.keys()) {
      if (stored.has(name)) continue;
      this.times.delete(name);
      this.due.set(name, undefined);
    }
  }
}
