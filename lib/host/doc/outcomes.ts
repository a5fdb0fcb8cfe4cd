import type {ErrorData} from '../../protocol/errors.js';
import type {Tab} from '../tab.js';

/** The number of outcomes that are kept for a tab. If more ops are settled while the tab is away, it does not get the oldest outcomes. */
const KEEP = 4096;

export interface Outcome {
  seq: number;
  error?: ErrorData;
}

interface Group {
  tab: Tab;
  seqs: number[];
  error: ErrorData | undefined;
  /** Whether the op was rejected without an error for its author. */
  isSilent: boolean;
}

/** The server's answers to the tabs' ops on one document, which a tab may not have received. */
export class Outcomes {
  private readonly known = new Map<Tab, Map<number, ErrorData | undefined>>();
  private group: Group[] | undefined;

  constructor(private readonly send: (group: Group) => void) {}

  /** Returns a tab's outcomes in the order in which they arrived. */
  of(tab: Tab): Outcome[] {
    return [...(this.known.get(tab) ?? [])].map(([seq, error]) => (error ? {seq, error} : {seq}));
  }

  restore(tab: Tab, outcomes: readonly Outcome[]): void {
    this.known.set(tab, new Map(outcomes.map(({seq, error}) => [seq, error])));
  }

  keep(tab: Tab, seq: number, error: ErrorData | undefined): void {
    let outcomes = this.known.get(tab);
    if (!outcomes) this.known.set(tab, (outcomes = new Map()));
    outcomes.set(seq, error);
    if (outcomes.size > KEEP) outcomes.delete(outcomes.keys().next().value as number);
  }

  /** Stores an outcome and sends it to the tab. Between `begin` and `end`, the outcomes of ops that were composed into one are grouped. */
  add(tab: Tab, seq: number, error: ErrorData | undefined, isSilent = false): void {
    this.keep(tab, seq, error);
    if (!this.group) return this.send({tab, seqs: [seq], error, isSilent});
    const last = this.group.at(-1);
    if (last?.tab === tab) last.seqs.push(seq);
    else this.group.push({tab, seqs: [seq], error, isSilent});
  }

  /** Sends a tab an outcome again that it may not have received. */
  repeat(tab: Tab, seq: number): void {
    const outcomes = this.known.get(tab);
    if (outcomes?.has(seq)) this.send({tab, seqs: [seq], error: outcomes.get(seq), isSilent: false});
  }

  forget(tab: Tab): void {
    this.known.delete(tab);
  }

  clear(): void {
    this.known.clear();
  }

  begin(): void {
    this.group = [];
  }

  end(): void {
    const group = this.group ?? [];
    this.group = undefined;
    for (const each of group) this.send(each);
  }
}
