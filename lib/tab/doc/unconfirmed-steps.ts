import type {UnconfirmedOp} from '../../protocol/messages.js';
import type {PendingOp} from '../upstream.js';

interface Step {
  /** The batch that it came in; Infinity where that was of an earlier host. */
  batch: number;
  /** The revision before it. */
  rev: number;
  /** The JSON of what it did; none where only the version has moved, which comes again by itself. */
  ahead?: string;
  /** The tab's own op. */
  op?: PendingOp;
}

/** One for all documents: most have none. */
const NONE: readonly Step[] = Object.freeze([]);

/** Steps of a document that another host may not know, in order and without a gap, since a revision that every host knows. */
export class UnconfirmedSteps {
  private steps: readonly Step[] = NONE;
  /** A revision came in this batch while this host could not write: no other host is sure to know it. */
  private state: {batch: number; host: string} | undefined;

  /** The host that alone is sure to know the document's revision; undefined where every host of its lineage is. */
  get onlyHost(): string | undefined {
    return this.state?.host;
  }

  /** The host told of this while it could not write: nothing can be replayed from there. */
  begin(batch: number, host: string): void {
    // An earlier host's revision is still shown. This host only told of an op that the server has by now.
    if (this.state?.batch === Infinity) return;
    this.steps = NONE;
    this.state = {batch, host};
  }

  /**
   * The tab goes on with a host. If it is the same one, whatever that tells as durable in the new session confirms the revision, too.
   * Another host confirms nothing: it first has to say that it does not know the revision, which may take longer than this session.
   */
  resume(host: string): void {
    if (this.state) this.state.batch = this.state.host === host ? 1 : Infinity;
  }

  /**
   * @param rev the revision before the step
   * @param ahead what it did; none where only the version has moved
   * @param op where it is the tab's own
   */
  add(batch: number, rev: number, ahead?: UnconfirmedOp, op?: PendingOp): void {
    // As it is now: it may be transformed, and become a part of the data.
    this.steps = [...this.steps, {batch, rev, ...(ahead && {ahead: JSON.stringify(ahead)}), ...(op && {op})}];
  }

  /** The document starts anew. Own ops that wait for the server's answer may have been lost with the host that gave them their places. */
  startAnew(ops: readonly PendingOp[], host: string): void {
    const step = this.steps.findLast(({op}) => op && ops.includes(op));
    const state = step ? {batch: step.batch, host} : ops.length ? this.state : undefined;
    this.clear();
    this.state = state;
  }

  clear(): void {
    this.steps = NONE;
    this.state = undefined;
  }

  /** What came up to this batch is durable by now. @returns whether that is all */
  confirm(batch: number): boolean {
    const kept = this.steps.findIndex(step => step.batch > batch);
    this.steps = kept < 0 ? NONE : this.steps.slice(kept);
    if (this.state && this.state.batch <= batch) this.state = undefined;
    return kept < 0 && !this.state;
  }

  /** The server has these own ops: so has every host, and what came before them. */
  confirmOps(ops: ReadonlySet<PendingOp>): void {
    // A host that the tab has told of them says from where they are counted.
    if (this.isReturning) return;
    this.steps = this.steps.slice(this.steps.findLastIndex(({op}) => op && ops.has(op)) + 1);
  }

  /** The revision that every host knows, undefined where there is nothing else. */
  get start(): number | undefined {
    return this.steps[0]?.rev;
  }

  /** What this tab would replay from there: others' ops, and its own that they follow on. */
  get ahead(): UnconfirmedOp[] {
    return this.brought.map(({ahead}) => JSON.parse(ahead!) as UnconfirmedOp);
  }

  /** Its own ops that nobody's follow on: it sends them again, as if no host had got them. */
  get tentative(): PendingOp[] {
    return this.steps.slice(this.firstTentative).flatMap(({op}) => op ?? []);
  }

  has(op: PendingOp): boolean {
    return this.steps.some(step => step.op === op);
  }

  /** The host is lost: what is replayed is kept until the next one says that it has it. */
  fallBack(): void {
    const {start = 0} = this;
    this.steps = this.brought.map(step => ({...step, batch: Infinity, rev: start}));
  }

  /** Whether a host is to say where in its history the document stands, for what this tab has replayed. */
  get isReturning(): boolean {
    return this.steps[0]?.batch === Infinity;
  }

  private get brought(): readonly Step[] {
    return this.steps.slice(0, this.firstTentative).filter(({ahead}) => ahead);
  }

  private get firstTentative(): number {
    return this.steps.findLastIndex(({ahead, op}) => ahead && !op) + 1;
  }
}
