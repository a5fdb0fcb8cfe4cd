import type {UnconfirmedOp} from '../protocol/messages.js';

interface Step<Op> {
  /** The batch that contained the step; Infinity if an earlier host sent it. */
  batch: number;
  /** The revision before it. */
  rev: number;
  /** The change as JSON; undefined if only the version has moved, which any host sends again. */
  change?: string;
  /** The tab's own op. */
  op?: Op;
}

/** One empty list for all documents, because most have no steps. */
const NONE: readonly Step<never>[] = Object.freeze([]);

/** The steps of a document that another host may not know, in order and without a gap, after a revision that every host knows. */
export class UnconfirmedSteps<Op extends object> {
  private steps: readonly Step<Op>[] = NONE;
  /** The batch with a revision that this host could not write. Another host may not know the revision. */
  private state: {batch: number; host: string} | undefined;

  /** The only host that certainly knows the document's revision; undefined if every host of its lineage does. */
  get onlyHost(): string | undefined {
    return this.state?.host;
  }

  /** The host sent the present revision while it could not write. No step can be replayed on it. */
  begin(batch: number, host: string): void {
    // The document still shows an earlier host's revision. This host has only sent the server's answer to an op.
    if (this.state?.batch === Infinity) return;
    this.steps = NONE;
    this.state = {batch, host};
  }

  /**
   * The tab continues with a host. If it is the same one, the durable batches of the new session confirm the revision, too. Another host
   * confirms nothing: it first has to answer that it does not know the revision, which may take longer than this session.
   */
  resume(host: string): void {
    if (this.state) this.state.batch = this.state.host === host ? 1 : Infinity;
  }

  /**
   * @param rev the revision before the step
   * @param change the change; undefined if only the version has moved
   * @param op set if the step is the tab's own op
   */
  add(batch: number, rev: number, change?: UnconfirmedOp, op?: Op): void {
    // A copy of its present form: the op may be transformed later, and become a part of the data.
    this.steps = [...this.steps, {batch, rev, ...(change && {change: JSON.stringify(change)}), ...(op && {op})}];
  }

  /** The document restarts. Own ops that wait for the server's answer may have been lost with the host that placed them. */
  startAnew(ops: readonly Op[], host: string): void {
    const step = this.steps.findLast(({op}) => op && ops.includes(op));
    const state = step ? {batch: step.batch, host} : ops.length ? this.state : undefined;
    this.clear();
    this.state = state;
  }

  clear(): void {
    this.steps = NONE;
    this.state = undefined;
  }

  /**
   * Everything up to this batch is durable.
   * @returns whether nothing is left to confirm
   */
  confirm(batch: number): boolean {
    const kept = this.steps.findIndex(step => step.batch > batch);
    this.steps = kept < 0 ? NONE : this.steps.slice(kept);
    if (this.state && this.state.batch <= batch) this.state = undefined;
    return kept < 0 && !this.state;
  }

  /** The server has these own ops. So every host has them, and the steps before them. */
  confirmOps(ops: ReadonlySet<Op>): void {
    // The host to which the tab has sent the steps determines their position.
    if (this.isReturning) return;
    this.steps = this.steps.slice(this.steps.findLastIndex(({op}) => op && ops.has(op)) + 1);
  }

  /** The revision that every host knows; undefined if there are no steps. */
  get start(): number | undefined {
    return this.steps[0]?.rev;
  }

  /** The steps that this tab would replay from there: ops of others, and its own ops before those. */
  get ops(): UnconfirmedOp[] {
    return this.replayed.map(({change}) => JSON.parse(change!) as UnconfirmedOp);
  }

  /** The tab's own ops without an op of others behind them. The tab sends them again, as if no host had received them. */
  get tentative(): Op[] {
    return this.steps.slice(this.firstTentative).flatMap(({op}) => op ?? []);
  }

  has(op: Op): boolean {
    return this.steps.some(step => step.op === op);
  }

  /** The host is lost. The steps to replay are kept until the next host confirms that it has them. */
  fallBack(): void {
    const {start = 0} = this;
    this.steps = this.replayed.map(step => ({...step, batch: Infinity, rev: start}));
  }

  /** Whether the tab waits for the position in the host's history after the replayed steps. */
  get isReturning(): boolean {
    return this.steps[0]?.batch === Infinity;
  }

  private get replayed(): readonly Step<Op>[] {
    return this.steps.slice(0, this.firstTentative).filter(({change}) => change);
  }

  private get firstTentative(): number {
    return this.steps.findLastIndex(({change, op}) => change && !op) + 1;
  }
}
