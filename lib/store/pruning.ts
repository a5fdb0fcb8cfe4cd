import {nameOf} from './coalesce.js';
import type {Change, DocKey, InventoryItem, StoredDoc} from './storage.js';

export interface PruningLimits {
  /** Documents that no tab has opened for this long, in ms, are deleted. */
  maxAge?: number | undefined;
  /** Above this many bytes, the documents that were opened longest ago are deleted. */
  maxSize?: number | undefined;
}

/** The prefix of the names of these values. The document's key follows. A value has a time, in ms since the epoch, and a size in bytes. */
const PREFIX = 'opened: ';
/** A time is written again when it is this old, in ms. */
const DAY_MS = 24 * 60 * 60 * 1000;
/** A size is written again when it has changed by this factor. */
const RESIZED = 2;

interface Usage {
  time: number;
  size?: number | undefined;
}

/**
 * Records when each stored document was last opened, to within a day, and its approximate size, and selects the documents that exceed the
 * limits. The values are written together with other changes. A value is due until a write that contains it has succeeded.
 */
export class Pruning {
  private readonly usages = new Map<string, Usage>();
  /** The sizes that are written, or due. */
  private readonly writtenSizes = new Map<string, number>();
  private readonly due = new Map<string, string | undefined>();

  constructor(private readonly limits: PruningLimits, private readonly now: () => number) {}

  /** Reads a stored small value. */
  note(name: string, value: string): void {
    const [time, size] = value.split(' ').map(Number);
    // A document that was opened meanwhile has a newer value.
    if (!name.startsWith(PREFIX) || Number.isNaN(time) || this.due.has(name)) return;
    this.usages.set(name, {time: time!, size});
    if (size !== undefined) this.writtenSizes.set(name, size);
  }

  /** Records that a document is opened or written. @returns whether its time must be written */
  touch(key: DocKey): boolean {
    const name = PREFIX + nameOf(key);
    const now = this.now();
    const usage = this.usages.get(name);
    // The time is also written again if the clock was set back since.
    if (usage && Math.abs(now - usage.time) < DAY_MS) return false;
    this.write(name, {time: now, size: usage?.size});
    return true;
  }

  /** Whether to measure documents. Without a limit this is not needed, and it reads each text. */
  get measures(): boolean {
    return this.limits.maxSize !== undefined && this.limits.maxSize !== Infinity;
  }

  /** Records the size of a text that replaces the document's data, or is added to them. */
  measure(key: DocKey, text: string, isAdded = false): void {
    if (!this.measures) return;
    const usage = this.usages.get(PREFIX + nameOf(key));
    this.resize(key, bytesOf(text) + (isAdded ? usage?.size ?? 0 : 0));
  }

  measureAll(key: DocKey, {checkpoint = '', journal}: StoredDoc): void {
    if (this.measures) this.resize(key, journal.reduce((sum, {record}) => sum + bytesOf(record), bytesOf(checkpoint)));
  }

  private resize(key: DocKey, size: number): void {
    const name = PREFIX + nameOf(key);
    const usage = {time: this.usages.get(name)?.time ?? this.now(), size};
    const written = this.writtenSizes.get(name);
    if (written === undefined || size > written * RESIZED || size < written / RESIZED) this.write(name, usage);
    else this.usages.set(name, usage);
  }

  private write(name: string, usage: Usage): void {
    this.usages.set(name, usage);
    if (usage.size !== undefined) this.writtenSizes.set(name, usage.size);
    this.due.set(name, usage.size === undefined ? String(usage.time) : `${usage.time} ${usage.size}`);
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
   * The documents to delete because of their age. If a document has no time, its age counts from now on. A time can be a day older than the
   * last opening, so a document is kept for up to a day longer.
   */
  outdated(items: Iterable<InventoryItem>, isInUse: (key: DocKey) => boolean): DocKey[] {
    const {maxAge = Infinity} = this.limits;
    const now = this.now();
    const outdated: DocKey[] = [];
    const stored = new Set<string>();
    for (const {key, hasPending} of items) {
      const name = PREFIX + nameOf(key);
      const time = this.usages.get(name)?.time;
      if (time !== undefined && now - time > maxAge + DAY_MS && !hasPending && !isInUse(key)) {
        outdated.push(key);
        continue;
      }
      stored.add(name);
      if (time === undefined || time > now + DAY_MS) this.touch(key);
    }
    this.forgetAllBut(stored);
    return outdated;
  }

  /** The documents of unknown size. They were stored while there was no limit. */
  unmeasured(items: Iterable<InventoryItem>): DocKey[] {
    if (!this.measures) return [];
    return [...items].filter(({key}) => this.usages.get(PREFIX + nameOf(key))?.size === undefined).map(({key}) => key);
  }

  /** The documents to delete so that the rest is within the limit: those that were opened longest ago, but none of unknown size. */
  excess(items: Iterable<InventoryItem>, isInUse: (key: DocKey) => boolean): DocKey[] {
    const {maxSize = Infinity} = this.limits;
    const sized = [...items].map(item => ({...item, ...this.usages.get(PREFIX + nameOf(item.key))}));
    let total = sized.reduce((sum, {size = 0}) => sum + size, 0);
    const excess: DocKey[] = [];
    for (const {key, hasPending, size} of sized.sort((a, b) => (a.time ?? Infinity) - (b.time ?? Infinity))) {
      if (total <= maxSize) break;
      // If a document could not be read, its size is unknown, and its deletion might not help.
      if (hasPending || size === undefined || isInUse(key)) continue;
      excess.push(key);
      total -= size;
    }
    return excess;
  }

  forget(key: DocKey): void {
    this.drop(PREFIX + nameOf(key));
  }

  private forgetAllBut(stored: ReadonlySet<string>): void {
    for (const name of [...this.usages.keys()]) if (!stored.has(name)) this.drop(name);
  }

  private drop(name: string): void {
    this.usages.delete(name);
    this.writtenSizes.delete(name);
    this.due.set(name, undefined);
  }
}

/**
 * The size of a text in the storage, in bytes. The structured clone of V8 and SpiderMonkey stores a string with one byte for each character
 * if all characters are below U+0100, otherwise with two.
 */
function bytesOf(text: string): number {
  return /[^\u0000-\u00ff]/.test(text) ? 2 * text.length : text.length;
}
