import type {Type} from 'sharedb/lib/sharedb.js';
import type {AheadOp, SnapshotData} from '../protocol/messages.js';
import {stepOf} from './step.js';
import {isSame} from './same.js';
import {beside, rebase, type Detour, type Happened, type WaitingOp} from './rebase.js';

/** What happened to a document: one of these fields, or none where only the version moved. */
export interface Step {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  load?: SnapshotData;
}

/** Who made a step. Without a `seq` it is nobody's op come back. */
export interface Author {
  src?: string | undefined;
  seq?: number | undefined;
}

/** An entry as it is stored. */
export interface EntryData {
  rev: number;
  v: number | null;
  src: string | undefined;
  seq: number | undefined;
  json: string;
  isClean: boolean;
  acked?: Origins | undefined;
}

/** The tabs' ops of which one of the server's is made, each by its tab and its seq. */
export type Origins = readonly (readonly [owner: string, seq: number])[];

/** Whose a step is that may be told before it is durable: a tab that has it would bring it along. */
export type Early = 'server' | 'tab';

const ENTRY_SIZE = 64;

/**
 * One step of a history. It is kept as the JSON that goes to the tabs, made once for all of them;
 * most are never transformed against, and then never parsed.
 */
export class Entry {
  private parsed: Step | undefined;
  constructor(
    /** The revision after this entry. */
    readonly rev: number,
    /** The server's version after this entry. */
    readonly v: number | null,
    readonly src: string | undefined,
    readonly seq: number | undefined,
    readonly json: string,
    /** Nothing was pending: the document is here what the server has at that version. */
    readonly isClean: boolean,
    /** What the server has acknowledged with this. */
    readonly acked: Origins | undefined,
    readonly early?: Early | undefined
  ) {}

  /** What it takes in memory, in characters, the object itself as that many. */
  get size(): number {
    return this.json.length + ENTRY_SIZE;
  }

  /** It has moved the version, and nothing else. */
  get isEmpty(): boolean {
    return this.json === '{}' && this.seq === undefined;
  }

  /** Whether the tab that made it may hear so before it is durable: it would make it again from what it had before. */
  isRepeatableBy(tabId: string): boolean {
    return this.src === tabId && this.seq !== undefined && !this.json.startsWith('{"create"');
  }

  /** Whether this is what somebody knows as this op. */
  is({v, src, seq, ...step}: AheadOp): boolean {
    const isIt = v === undefined ? this.src === src && this.seq === seq : this.v === v + 1;
    return isIt && (this.json === JSON.stringify(stepOf(step)) || isSame(this.step, stepOf(step)));
  }

  get step(): Step {
    return (this.parsed ??= JSON.parse(this.json) as Step);
  }

  /** The message for a tab. A tab's own op is not sent back to it. */
  encode(c: string, d: string, inc: number, own: boolean): string {
    const {rev, v, src, seq} = this;
    const head = JSON.stringify({
      a: 'op', c, d, inc, rev, v, src, seq, ...(own && {own}), ...(!own && this.early === 'tab' && {early: true}),
      ...(this.isClean && this.isEmpty && {clean: true})
    });
    return own || this.json === '{}' ? head : `${head.slice(0, -1)},${this.json.slice(1)}`;
  }
}

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
  push(v: number | null, json: string, isClean: boolean, author: Author = {}, acked?: Origins, early?: Early): Entry {
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
  end(rev: number, ahead: readonly AheadOp[]): number | undefined {
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
  wayFrom(rev: number, ahead: readonly AheadOp[], type: Type | null): Happened[] | undefined {
    const end = this.end(rev, ahead);
    return end === undefined ? this.detour(rev, ahead, type)?.way : this.after(end);
  }

  /** The same where something else has happened: see {@link beside}. */
  detour(rev: number, ahead: readonly AheadOp[], type: Type | null): Detour | undefined {
    if (!type || !this.covers(rev)) return undefined;
    try {
      return beside(this.after(rev), ahead, type);
    } catch {
      return undefined;
    }
  }

  /**
   * Carries ops of a tab, each made on the one before, the first at the beginning of a way, to its end.
   * @returns those that have no place yet, or the error where they can't be
   */
  carry(ops: WaitingOp[], owner: string, type: Type | null, way: readonly Happened[]): WaitingOp[] | Error {
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
