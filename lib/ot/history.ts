import type {Type} from 'sharedb/lib/sharedb.js';
import type {UnconfirmedOp} from '../protocol/messages.js';
import {Entry, type Author, type ConcurrentStep, type EntryData, type Origins, type StoredElsewhere, type WaitingOp} from './history-entry.js';
import {rebase, transformAround, type Continuation} from './rebase.js';

/**
 * The one linear history of a document in a host, numbered by revision. Tabs follow it; a tab's op is
 * carried over what happened since the revision that it was made at.
 */
export class History {
  private entries: Entry[] = [];
  /** What they take, in characters. */
  private size = 0;
  /** The version of the state at `start`, if that is what the server had. */
  private startVersion: number | null = null;

  /** @param rev where it begins: above what anybody may know of an earlier history */
  constructor(public rev = 0) {}

  /** The oldest revision from which the history can tell what happened since. */
  get start(): number {
    return this.rev - this.entries.length;
  }

  /** @param json the step, as JSON: taken before the step is applied, since types may change their ops */
  push(v: number | null, json: string, isClean: boolean, author: Author = {}, acked?: Origins, early?: StoredElsewhere): Entry {
    const entry = new Entry(++this.rev, v, author.src, author.seq, json, isClean, acked, early);
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

  /** The revision to which these ops have led from `rev`; undefined where something else has happened, or it is forgotten. */
  end(rev: number, ahead: readonly UnconfirmedOp[]): number | undefined {
    if (!this.covers(rev)) return undefined;
    let at = rev;
    const entries = this.after(rev);
    for (const op of ahead) {
      while (entries[at - rev]?.isEmpty) at++;
      if (!entries[at - rev]?.is(op)) return undefined;
      at++;
    }
    return at;
  }

  /**
   * What happened from `rev` on, for who has gone on from there by these ops.
   * @returns undefined where it is not known, or there is no way from there
   */
  continuation(rev: number, ahead: readonly UnconfirmedOp[], type: Type | null): ConcurrentStep[] | undefined {
    const end = this.end(rev, ahead);
    return end === undefined ? this.continuationAround(rev, ahead, type)?.steps : this.after(end);
  }

  /** The same where something else has happened: see {@link transformAround}. */
  continuationAround(rev: number, ahead: readonly UnconfirmedOp[], type: Type | null): Continuation | undefined {
    if (!type || !this.covers(rev)) return undefined;
    try {
      return transformAround(this.after(rev), ahead, type);
    } catch {
      return undefined;
    }
  }

  /**
   * Carries ops of a tab, each made on the one before, the first at the beginning of a way, to its end.
   * @returns those that have no place yet, or the error where they can't be
   */
  rebase(ops: WaitingOp[], owner: string, type: Type | null, way: readonly ConcurrentStep[]): WaitingOp[] | Error {
    try {
      return rebase(ops, way, owner, type);
    } catch (error) {
      return error as Error;
    }
  }

  /** The revision before a tab's op that has its place, undefined where that is forgotten. */
  before(owner: string, seq: number): number | undefined {
    const entry = this.entries.find(({src, seq: own}) => src === owner && own === seq);
    return entry && entry.rev - 1;
  }

  /** The highest seq of a tab's ops that are here, 0 where none is. */
  lastSeqOf(owner: string): number {
    return this.entries.reduce((last, {src, seq = 0}) => (src === owner ? Math.max(last, seq) : last), 0);
  }

  /** The last revision at which the document was what the server had at version `v`; undefined where none is known. */
  revisionOf(v: number): number | undefined {
    return this.entries.findLast(entry => entry.v === v && entry.isClean)?.rev ?? (v === this.startVersion ? this.start : undefined);
  }

  /** What there is, ready to be stored. */
  save(): EntryData[] {
    return this.entries.map(({rev, v, src, seq, json, isClean, acked}) => ({rev, v, src, seq, json, isClean, acked}));
  }

  /** @param v of the server's state at the beginning, where that is known */
  restore(rev: number, entries: EntryData[], v: number | null): void {
    this.rev = rev;
    this.keep(entries.map(entry => new Entry(entry.rev, entry.v, entry.src, entry.seq, entry.json, entry.isClean, entry.acked)), v);
  }

  /** A new state that nobody needs to be led to: the server's at version `v`. */
  restart(v: number | null): void {
    this.rev++;
    this.keep([], v);
  }

  /** Forgets what happened; revisions go on. */
  clear(): void {
    this.keep([]);
  }

  /** Forgets what happened up to `rev`, and of what is left the oldest where it takes more than so many characters. */
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
