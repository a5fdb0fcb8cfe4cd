import type {Type} from 'sharedb/lib/sharedb.js';
import type {UnconfirmedOp} from '../protocol/messages.js';
import {Entry, type Author, type ConcurrentStep, type EntryData, type Origins, type StoredElsewhere, type WaitingOp} from './history-entry.js';
import {rebase, transformAround, type Continuation} from './rebase.js';

/**
 * The linear history of a document in a host, numbered by revision. Tabs follow it. A tab's op is rebased over the entries after
 * the revision that it was made at.
 */
export class History {
  private entries: Entry[] = [];
  /** The size of all entries, in characters. */
  private size = 0;
  /** The version of the state at `start`, if that state equals the server's; else null. */
  private startVersion: number | null = null;

  /** @param rev the first revision; above all revisions of an earlier history that a tab may refer to */
  constructor(public rev = 0) {}

  /** The oldest revision whose later entries are all kept. */
  get start(): number {
    return this.rev - this.entries.length;
  }

  /** @param json the step as JSON. It must be made before the step is applied, because types may change their ops. */
  push(v: number | null, json: string, isClean: boolean, author: Author = {}, acked?: Origins, storedElsewhere?: StoredElsewhere): Entry {
    const entry = new Entry(++this.rev, v, author.src, author.seq, json, isClean, acked, storedElsewhere);
    this.entries.push(entry);
    this.size += entry.size;
    return entry;
  }

  covers(rev: number): boolean {
    return rev >= this.start && rev <= this.rev;
  }

  after(rev: number): Entry[] {
    return rev >= this.rev ? [] : this.entries.slice(rev - this.start);
  }

  /**
   * The revision after these ops, if they are exactly the entries after `rev`; undefined if other entries come between, or the
   * entries are not kept.
   */
  end(rev: number, known: readonly UnconfirmedOp[]): number | undefined {
    if (!this.covers(rev)) return undefined;
    let at = rev;
    const entries = this.after(rev);
    for (const op of known) {
      while (entries[at - rev]?.isEmpty) at++;
      if (!entries[at - rev]?.is(op)) return undefined;
      at++;
    }
    return at;
  }

  /**
   * The steps that lead from the state at `rev`, with these ops applied, to the present state.
   * @returns undefined if the entries are not kept, or can't be transformed around the ops
   */
  continuation(rev: number, known: readonly UnconfirmedOp[], type: Type | null): ConcurrentStep[] | undefined {
    const end = this.end(rev, known);
    return end === undefined ? this.continuationAround(rev, known, type)?.steps : this.after(end);
  }

  /** Like {@link continuation}, for the case that other entries come between: see {@link transformAround}. */
  continuationAround(rev: number, known: readonly UnconfirmedOp[], type: Type | null): Continuation | undefined {
    if (!type || !this.covers(rev)) return undefined;
    try {
      return transformAround(this.after(rev), known, type);
    } catch {
      return undefined;
    }
  }

  /**
   * Rebases ops of a tab over steps. Each op is made on the one before, the first on the state before the steps.
   * @returns the ops that are not in the history yet, or the error if an op can't be transformed
   */
  rebase(ops: WaitingOp[], owner: string, type: Type | null, concurrent: readonly ConcurrentStep[]): WaitingOp[] | Error {
    try {
      return rebase(ops, concurrent, owner, type);
    } catch (error) {
      return error as Error;
    }
  }

  /** The revision before a tab's op in the history; undefined if that entry is not kept. */
  before(owner: string, seq: number): number | undefined {
    const entry = this.entries.find(({src, seq: own}) => src === owner && own === seq);
    return entry && entry.rev - 1;
  }

  /** The highest number of a tab's ops in the history; 0 if there is none. */
  lastSeqOf(owner: string): number {
    return this.entries.reduce((last, {src, seq = 0}) => (src === owner ? Math.max(last, seq) : last), 0);
  }

  /** The last revision at which the document equalled the server's state at version `v`; undefined if none is known. */
  revisionOf(v: number): number | undefined {
    return this.entries.findLast(entry => entry.v === v && entry.isClean)?.rev ?? (v === this.startVersion ? this.start : undefined);
  }

  /** The first revision that is known to equal the server's state at version `v` or later; undefined if there is none. */
  cleanSince(v: number): {rev: number; v: number} | undefined {
    if (this.startVersion !== null && this.startVersion >= v) return {rev: this.start, v: this.startVersion};
    const entry = this.entries.find(({isClean, v: version}) => isClean && version !== null && version >= v);
    return entry && {rev: entry.rev, v: entry.v!};
  }

  /** All entries, in the stored form. */
  save(): EntryData[] {
    return this.entries.map(({rev, v, src, seq, json, isClean, acked}) => ({rev, v, src, seq, json, isClean, acked}));
  }

  /** @param v the version of the server's state at the beginning, if known */
  restore(rev: number, entries: EntryData[], v: number | null): void {
    this.rev = rev;
    this.keep(entries.map(entry => new Entry(entry.rev, entry.v, entry.src, entry.seq, entry.json, entry.isClean, entry.acked)), v);
  }

  /** Begins a new history at the server's state at version `v`. No tab needs ops that lead to this state. */
  restart(v: number | null): void {
    this.rev++;
    this.keep([], v);
  }

  /** Drops all entries; revision numbers continue. */
  clear(): void {
    this.keep([]);
  }

  /** Drops all entries, and begins again at this revision. */
  beginAt(rev: number): void {
    this.rev = rev;
    this.keep([]);
  }

  /** Drops the entries up to `rev`, and then the oldest ones until the rest takes at most `size` characters. */
  trim(rev: number, size: number): void {
    if (rev > this.start) this.drop(Math.min(rev, this.rev) - this.start);
    if (this.size <= size) return;
    let kept = this.entries.length;
    for (let taken = 0; kept && (taken += this.entries[kept - 1]!.size) <= size; kept--);
    this.drop(kept);
  }

  private drop(count: number): void {
    const last = this.entries[count - 1];
    if (last) this.keep(this.entries.slice(count), last.isClean ? last.v : null);
  }

  private keep(entries: Entry[], startVersion: number | null = null): void {
    this.startVersion = startVersion;
    this.entries = entries;
    this.size = entries.reduce((sum, entry) => sum + entry.size, 0);
  }
}
