import type {Type} from 'sharedb/lib/sharedb.js';
import type {UndoMark} from '../protocol/undo.js';
import {copied, DataCopies, inverseOf, isSameData, serialized} from '../ot/invert.js';
import {OpStack} from './op-stack.js';
import {composed, isNoop, isSameOp, normalized} from './ops.js';

/** An op that has been applied to one of the documents. */
export interface Change<Doc> {
  readonly doc: Doc;
  readonly type: Type;
  readonly op: unknown;
  /** The op that undoes it; undefined if that is not known. */
  readonly inverse: unknown;
  /** Its role on the stacks. Without one, it is somebody else's. */
  readonly mark: UndoMark | undefined;
}

/** A copy of the document's data with a change. @throws if they can't be known */
export type DataAfter = () => unknown;

/** The number of steps that the stacks remember because the server has refused an op. */
const MAX_REFUSED = 100;

/** The end of the id of a step that consists of what an undo or a redo has done beyond its step. */
const EXCESS = '/rest';

/** The undo stack and the redo stack. They are a function of the changes, in their order. */
export class Stacks<Doc> {
  /** @param metaOf the app's data of a step */
  static empty<Doc>(limit: number, isShared: boolean, metaOf: (step: string) => Map<unknown, unknown>): Stacks<Doc> {
    return new Stacks(new OpStack(limit, isShared), new OpStack(limit, isShared), metaOf);
  }

  /**
   * @param refused the steps of which the server has refused an op
   * @param kept the steps of excess that the server has refused to take back
   */
  private constructor(
    readonly undo: OpStack<Doc>, readonly redo: OpStack<Doc>, private readonly metaOf: (step: string) => Map<unknown, unknown>,
    private readonly refused = new Set<string>(), private readonly kept = new Set<string>()
  ) {}

  clone(): Stacks<Doc> {
    return new Stacks(this.undo.clone(), this.redo.clone(), this.metaOf, new Set(this.refused), new Set(this.kept));
  }

  /** The server has refused an op of this step. */
  noteRefused(step: string): void {
    remember(this.refused, step);
  }

  /** The server has refused to take back the excess of this step. It is a step like any other from now on. */
  keepExcess(step: string): void {
    remember(this.kept, step);
    const item = this.undo.find(step);
    if (item) item.isExcess = false;
  }

  /** @param dataAfter if the data are not known, the result may differ from that of other tabs */
  apply(change: Change<Doc>, dataAfter?: DataAfter): void {
    const {doc, type, op, inverse, mark} = change;
    if (!mark) return this.carryOver(doc, op);
    const {kind, step, ops} = mark;
    const meta = this.metaOf(step);
    if (kind === 'capture') this.redo.clear();
    // A change that should not have been there can't be redone.
    else if (this.undo.find(step)?.isExcess) return this.takeOut(change);
    else if (this.revert(change, this[kind], ops, dataAfter)) return;
    this[opposite(kind)].insert(step, {doc, type, op: inverse, ops}, op, meta, dataAfter);
  }

  /**
   * This tab or browser has changed a document otherwise than the stacks would have it. To undo that is a step of its own, which the
   * manager undoes by itself if the server has refused an op of the step.
   */
  addExcess(step: string, {doc, type, op, inverse}: Omit<Change<Doc>, 'mark'>): void {
    const id = `${step}${EXCESS}`;
    this.redo.transform(doc, op);
    this.undo.putOnTop(id, {doc, type, op: inverse, ops: 1}, this.metaOf(id), this.refused.has(step) && !this.kept.has(id));
  }

  forget(doc: Doc): void {
    this.undo.forget(doc);
    this.redo.forget(doc);
  }

  clear(): void {
    this.undo.clear();
    this.redo.clear();
  }

  /**
   * An op has undone or redone a step. The tab that made it may not have known that the server had refused an op of the step. The part of
   * the op that undoes the rest of the step goes onto the stacks as usual. Its other changes become a step of their own: for instance, it
   * may have put back text that a refused op had removed.
   * @returns whether all is done
   */
  private revert({doc, type, op, inverse, mark}: Change<Doc>, stack: OpStack<Doc>, count: number, dataAfter: DataAfter | undefined): boolean {
    const {step} = mark!;
    const item = stack.find(step);
    const own = item && OpStack.opsOf({...item, entries: item.entries.filter(entry => entry.doc === doc)})[0];
    if (!own && this.refused.has(step)) {
      if (!isNoop(op)) this.addExcess(step, {doc, type, op, inverse});
      return true;
    }
    if (own && own.ops <= count && dataAfter && stack.isOnTop(step, doc) && !isSameOp(normalized(type, own.op), normalized(type, op))) {
      try {
        const data = new DataCopies(type, serialized(type, type.apply(dataAfter(), copied(inverse))));
        const made = (): unknown => type.apply(data.make(), copied(own.op));
        const undoes = inverseOf(type, own.op, data.make());
        const excess = composed(type, undoes, op);
        const undoesExcess = inverseOf(type, excess, made());
        stack.takeOut(step, doc, type, own.op, own.ops);
        this[opposite(mark!.kind)].insert(step, {doc, type, op: undoes, ops: own.ops}, own.op, this.metaOf(step), made);
        if (!isSameData(type, made(), dataAfter())) this.addExcess(step, {doc, type, op: excess, inverse: undoesExcess});
        return true;
      } catch {
        // The type can't tell.
      }
    }
    stack.takeOut(step, doc, type, op, own ? Math.min(count, own.ops) : count);
    return false;
  }

  private takeOut({doc, type, op, mark}: Change<Doc>): void {
    this.undo.takeOut(mark!.step, doc, type, op, mark!.ops);
    this.redo.transform(doc, op);
  }

  private carryOver(doc: Doc, op: unknown): void {
    this.undo.transform(doc, op);
    this.redo.transform(doc, op);
  }
}

function remember(steps: Set<string>, step: string): void {
  steps.add(step);
  const [oldest] = steps;
  if (steps.size > MAX_REFUSED) steps.delete(oldest!);
}

/** The stack that an op with this role adds to. */
function opposite(kind: UndoMark['kind']): 'undo' | 'redo' {
  return kind === 'undo' ? 'redo' : 'undo';
}
