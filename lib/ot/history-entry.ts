import type {SnapshotData, SubmitOptions, UnconfirmedOp} from '../protocol/messages.js';
import type {UndoMark} from '../protocol/undo.js';
import {isSame} from './same.js';
import {markedStepOf} from './step.js';

/** One change of a document. Has one of the fields `op`, `create`, `del` and `load`, or none of them if only the version has changed. */
export interface Step {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: true;
  load?: SnapshotData;
  undo?: UndoMark;
  /** The op leads from the content of an earlier database to the content of the server's database. No client has made it. */
  replaces?: true | undefined;
  /** The tabs' ops that this step takes back, because the server has refused them. */
  takesBack?: Origins;
}

/** The author of a step: a tab, or a client elsewhere. Without a `seq`, the step is not the author's op itself: it may take the op back. */
export interface Author {
  src?: string | undefined;
  seq?: number | undefined;
}

/** The stored form of an entry. */
export interface EntryData {
  rev: number;
  v: number | null;
  src: string | undefined;
  seq: number | undefined;
  json: string;
  isClean: boolean;
  acked?: Origins | undefined;
}

/** The tabs' ops that one op of the server was composed of, each by its tab and number. */
export type Origins = readonly (readonly [owner: string, seq: number])[];

/** The side that keeps a copy of a step that is sent before it is durable: the server, or a tab that would replay it. */
export type StoredElsewhere = 'server' | 'tab';

const ENTRY_SIZE = 64;

/**
 * One step of a history. It is kept as the JSON that goes to the tabs, made once for all of them. Most steps are never
 * transformed against, and so never parsed.
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
    /** Nothing was pending: after this entry the document equals the server's state at that version. */
    readonly isClean: boolean,
    /** The tabs' ops that the server has acknowledged with this entry. */
    readonly acked: Origins | undefined,
    /** Set if tabs may get the entry before it is durable. */
    readonly storedElsewhere?: StoredElsewhere | undefined
  ) {}

  /** The approximate memory use, in characters. */
  get size(): number {
    return this.json.length + ENTRY_SIZE;
  }

  /** Whether the entry moved the version and did nothing else. */
  get isEmpty(): boolean {
    return this.json === '{}' && this.seq === undefined;
  }

  /**
   * Whether the tab that made this op may receive the acknowledgement before the op is durable. After a loss, the tab sends the op
   * again. False for creations.
   */
  isRepeatableBy(tabId: string): boolean {
    return this.src === tabId && this.seq !== undefined && !this.json.startsWith('{"create"');
  }

  /** Whether this entry and the given op are the same. */
  is({v, src, seq, ...step}: UnconfirmedOp): boolean {
    const isIt = v === undefined ? this.src === src && this.seq === seq : this.v === v + 1;
    // Tabs don't send back what a step replaces or takes back.
    const {replaces: _replaces, takesBack: _takesBack, ...known} = this.step;
    return isIt && (this.json === JSON.stringify(markedStepOf(step)) || isSame(known, markedStepOf(step)));
  }

  get step(): Step {
    return (this.parsed ??= JSON.parse(this.json) as Step);
  }

  /** The message for a tab. The content of a tab's own op is not sent back to it. */
  encode(c: string, d: string, inc: number, own: boolean): string {
    const {rev, v, src, seq} = this;
    const head = JSON.stringify({
      a: 'op', c, d, inc, rev, v, src, seq, ...(own && {own}), ...(!own && this.storedElsewhere === 'tab' && {unwritten: true}),
      ...(this.isClean && this.isEmpty && {clean: true})
    });
    return own || this.json === '{}' ? head : `${head.slice(0, -1)},${this.json.slice(1)}`;
  }
}

/** A step of a history and its author. */
export type ConcurrentStep = Pick<Entry, 'step' | 'src' | 'seq'>;

/** An op of a tab that is not in the history yet. */
export interface WaitingOp {
  step: Step;
  seq: number;
  x: SubmitOptions;
  /** The `src` and `seq` that the op was sent to the server with, if it may have been sent before. */
  id?: readonly [src: string, seq: number] | undefined;
}
