import type {SnapshotData, SubmitOptions, UnconfirmedOp} from '../protocol/messages.js';
import type {UndoMark} from '../protocol/undo.js';
import {isSame} from './same.js';
import {markedStepOf} from './step.js';

/** What happened to a document: one of these fields, or none where only the version moved. */
export interface Step {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  load?: SnapshotData;
  undo?: UndoMark;
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

/** Whose a step is that may be told before it is durable: a tab that has it would replay it. */
export type StoredElsewhere = 'server' | 'tab';

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
    readonly toldBeforeWrite?: StoredElsewhere | undefined
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
  is({v, src, seq, ...step}: UnconfirmedOp): boolean {
    const isIt = v === undefined ? this.src === src && this.seq === seq : this.v === v + 1;
    return isIt && (this.json === JSON.stringify(markedStepOf(step)) || isSame(this.step, markedStepOf(step)));
  }

  get step(): Step {
    return (this.parsed ??= JSON.parse(this.json) as Step);
  }

  /** The message for a tab. A tab's own op is not sent back to it. */
  encode(c: string, d: string, inc: number, own: boolean): string {
    const {rev, v, src, seq} = this;
    const head = JSON.stringify({
      a: 'op', c, d, inc, rev, v, src, seq, ...(own && {own}), ...(!own && this.toldBeforeWrite === 'tab' && {early: true}),
      ...(this.isClean && this.isEmpty && {clean: true})
    });
    return own || this.json === '{}' ? head : `${head.slice(0, -1)},${this.json.slice(1)}`;
  }
}

/** A step of a history, and whose it is. */
export type ConcurrentStep = Pick<Entry, 'step' | 'src' | 'seq'>;

/** An op of a tab that has no place in the history yet. */
export interface WaitingOp {
  step: Step;
  seq: number;
  x: SubmitOptions;
  /** How the server knows it, if it may have been sent before. */
  id?: readonly [src: string, seq: number] | undefined;
}
