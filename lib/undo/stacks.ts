import type {Type} from 'sharedb/lib/sharedb.js';
import type {UndoMark} from '../protocol/undo.js';
import {copied, DataCopies, inverseOf, isSameData, serialized} from '../ot/invert.js';
import {OpStack} from './op-stack.js';
import {composed, hasSameEffect, isNoop} from './ops.js';

/** An op that was applied to one of the documents. */
export interface Change<Doc> {
  readonly doc: Doc;
  readonly type: Type;
  readonly op: unknown;
  /** The op that undoes it; undefined if that is not known. */
  readonly inverse: unknown;
  /** Its role on the stacks. Undefined for an op of another client. */
  readonly mark: UndoMark | undefined;
}

/** Copies the document's data just after a change. @throws if they are unknown */
export type DataAfter = () => unknown;

/** The largest number of steps that are recorded because the server has refused an op. */
const MAX_REFUSED = 100;

/** The end of the id of an excess step: see {@link Stacks.addExcess}. */
const EXCESS = '/rest';

/** The undo stack and the redo stack. They are a function of the changes, in their order. */
export class Stacks<Doc> {
  /** @param metaOf the app's data of a step */
  static empty<Doc>(limit: number, isShared: boolean, metaOf: (step: string) => Map<unknown, unknown>): Stacks<Doc> {
    return new Stacks(new OpStack(limit, isShared), new OpStack(limit, isShared), metaOf);
  }

  /**
   * @param refused the steps with an op that the server has refused
   * @param kept the excess steps whose undo the server has refused
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

  /** Makes an excess step an ordinary one, because the server has refused to take it back. */
  keepExcess(step: string): void {
    remember(this.kept, step);
    const item = this.undo.find(step);
    if (item) item.isExcess = false;
  }

  /** Applies a change to the stacks. @param dataAfter without these data, the result may differ from that of other tabs */
  apply(change: Change<Doc>, dataAfter?: DataAfter): void {
    const {doc, type, op, inverse, mark} = change;
    if (!mark) return this.transform(doc, op);
    const {kind, step, ops} = mark;
    const meta = this.metaOf(step);
    if (kind === 'capture') this.redo.clear();
    // The undo of an excess step can't be redone.
    else if (this.undo.find(step)?.isExcess) return this.takeOut(change);
    else if (this.revert(change, this[kind], ops, dataAfter)) return;
    this[opposite(kind)].insert(step, {doc, type, op: inverse, ops}, op, meta, dataAfter);
  }

  /**
   * Adds an excess step: changes that an undo or redo of this tab or browser has made beyond its step. If the server has refused an op of
   * the step, the manager undoes the excess step without a call of the app.
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
   * Handles an op that has undone or redone a step. The tab that made it may not have known that the server had refused an op of the step.
   * The part of the op that undoes the rest of the step is put on the stacks as usual. Its other changes become an excess step: for
   * example, the op may have restored text that a refused op had removed.
   * @returns whether nothing is left to do
   */
  private revert({doc, type, op, inverse, mark}: Change<Doc>, stack: OpStack<Doc>, count: number, dataAfter: DataAfter | undefined): boolean {
    const {step} = mark!;
    const item = stack.find(step);
    const own = item && OpStack.opsOf({...item, entries: item.entries.filter(entry => entry.doc === doc)})[0];
    if (!own && this.refused.has(step)) {
      if (!isNoop(op)) this.addExcess(step, {doc, type, op, inverse});
      return true;
    }
    if (own && own.ops <= count && dataAfter && stack.isOnTop(step, doc) && !hasSameEffect(type, own.op, op)) {
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
        // The type can't compute the parts.
      }
    }
    stack.takeOut(step, doc, type, op, own ? Math.min(count, own.ops) : count);
    return false;
  }

  private takeOut({doc, type, op, mark}: Change<Doc>): void {
    this.undo.takeOut(mark!.step, doc, type, op, mark!.ops);
    this.redo.transform(doc, op);
  }

  private transform(doc: Doc, op: unknown): void {
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
