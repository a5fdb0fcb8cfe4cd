import type {Type} from 'sharedb/lib/sharedb.js';
import type {UndoMark} from '../protocol/undo.js';
import {copied, DataCopies, inverseOf, isSameData, serialized} from '../ot/invert.js';
import {differenceBetween, lengthOf, textDifference} from './difference.js';
import {composed, isNoop, isSameOp, transformedBoth} from './ops.js';
import type {Change, Stacks} from './stacks.js';

/** The identity of an op of a tab: ShareDB's record of it, or the tab's id and the op's number. */
export interface OpId {
  src?: string | undefined;
  seq?: number | undefined;
}

/** A change, and the op that it was sent in. */
export interface LoggedChange<Doc> extends Change<Doc> {
  /** Undefined if the server has the change. */
  readonly sentIn: OpId | undefined;
}

/** The largest number of logged changes. If the server has not acknowledged that many, they are all treated as acknowledged. */
const MAX_CHANGES = 1000;

/** The largest number of orders to try for changes at the same position as a change that is taken back. */
const MAX_TRIES = 64;

/** The largest number of refused changes to take back one after the other. */
const MAX_PARTS = 32;

/** The largest number of changes to transform in the search for lost ops. This blocks the page for one or two seconds. */
const MAX_TRANSFORMED = 4000;

/** The changes without the refused ops. */
interface Rest<Doc> {
  changes: LoggedChange<Doc>[];
  /** The marks of the refused ops. */
  refused: UndoMark[];
  /** The data, after these changes, of the document that the refused ops were made on. */
  data: unknown;
  /** The op that leads from the data with the refused ops to `data`. */
  takesBack: unknown;
  /** The number of changes that could be placed in another order. */
  ties: number;
}

/**
 * The changes since the first one that the server has not acknowledged, and the stacks before them. If the server refuses an op, the stacks
 * are computed again from the other changes. It is not enough to transform the stacks over the op that takes the refused op back: the
 * inverse of a later op may contain what the refused op had inserted, and a later op may have undone the refused op.
 */
export class ChangeLog<Doc> {
  private base: Stacks<Doc> | undefined;
  private changes: LoggedChange<Doc>[] = [];
  /** The number of changes that may still be transformed. */
  private left = Infinity;

  get isEmpty(): boolean {
    return !this.base;
  }

  /** @param stacks the stacks before the change */
  add(change: LoggedChange<Doc>, stacks: Stacks<Doc>): void {
    if (this.isEmpty && !change.sentIn) return;
    if (this.changes.length === MAX_CHANGES) this.clear();
    this.base ??= stacks.clone();
    this.changes.push(change);
  }

  /** Drops all changes, because the server has answered all ops, or the stacks are empty. */
  clear(): void {
    this.base = undefined;
    this.changes = [];
  }

  forget(doc: Doc): void {
    this.base?.forget(doc);
    this.changes = this.changes.filter(change => change.doc !== doc);
  }

  /**
   * Computes the stacks without ops that the server has refused.
   * @param rollback the change that takes the ops back, with its inverse
   * @param dataOf copies the present data of a document
   * @returns undefined if the stacks can't be computed
   */
  without(isRefused: (id: OpId) => boolean, rollback: Change<Doc>, dataOf: (doc: Doc) => unknown): Stacks<Doc> | undefined {
    const {doc, type} = rollback;
    this.left = Infinity;
    try {
      const dataBefore = (one: Doc): unknown => (one === doc ? type.apply(dataOf(one), copied(rollback.inverse)) : dataOf(one));
      const rest = this.restTo(doc, type, isRefused, dataBefore, dataOf(doc), rollback.op);
      if (!rest) return undefined;
      const after = dataOf(doc);
      const changes = rest.changes;
      if (!isSameData(type, rest.data, after)) {
        // Others may have edited what the refused ops removed. These edits are lost.
        const op = differenceBetween(type, rest.data, after)
          ?? composed(type, inverseOf(type, rest.takesBack, dataBefore(doc)), rollback.op);
        changes.push({doc, type, op, inverse: inverseOf(type, op, rest.data), mark: undefined, sentIn: undefined});
        if (!isSameData(type, type.apply(rest.data, copied(op)), after)) return undefined;
      }
      return this.stacksAfter(changes, rest.refused, dataOf);
    } catch {
      return undefined;
    }
  }

  /**
   * Computes the stacks after another state of a document was loaded. The state may lack one of the ops that the server has not
   * acknowledged, or this op and all later ones: if the type can't invert the refused op without the data, ShareDB drops all of these. For
   * a Delta (rich-text), the state may also contain edits that others have made meanwhile.
   * @param dataBefore copies the data of a document before the load
   * @returns the stacks without the lost ops; undefined if no ops are unacknowledged, or none seem to be lost
   */
  withoutLost(doc: Doc, type: Type, dataBefore: (doc: Doc) => unknown, after: unknown): Stacks<Doc> | undefined {
    const sent = [...new Set(this.changes.flatMap(({doc: one, sentIn}) => (one === doc && sentIn ? [sentIn] : [])))];
    if (!sent.length) return undefined;
    const dataAfter = (one: Doc): unknown => (one === doc ? new DataCopies(type, serialized(type, after)).make() : dataBefore(one));
    /** Used if no ops lead to the state, because others have edited, too: the smallest difference. Without `rest`, no op is lost. */
    let nearest: {rest?: Rest<Doc>; op: unknown} = {op: textDifference(type, dataBefore(doc), after)};
    this.left = MAX_TRANSFORMED;
    // The server refuses the oldest ops first. There are two guesses for each op, and two attempts or more for each guess.
    const oldest = sent.slice(0, Math.ceil(MAX_TRANSFORMED / this.changes.length / 4));
    for (const lost of [...oldest.map((_id, i) => sent.slice(i)), ...oldest.map(id => [id])]) {
      try {
        const rest = this.restTo(doc, type, id => lost.includes(id), dataBefore, after);
        if (!rest) continue;
        if (isSameData(type, rest.data, after)) return this.stacksAfter(rest.changes, rest.refused, dataAfter);
        const op = textDifference(type, rest.data, after);
        if (lengthOf(op) < lengthOf(nearest.op)) nearest = {rest, op};
      } catch {
        // These ops are not the lost ones.
      }
    }
    const {rest, op} = nearest;
    if (!rest) return undefined;
    rest.changes.push({doc, type, op, inverse: inverseOf(type, op, rest.data), mark: undefined, sentIn: undefined});
    return this.stacksAfter(rest.changes, rest.refused, dataAfter);
  }

  /** Computes the stacks from other changes. @param dataOf copies the data of a document after these changes */
  private stacksAfter(changes: LoggedChange<Doc>[], refused: readonly UndoMark[], dataOf: (doc: Doc) => unknown): Stacks<Doc> {
    for (const {kind, step} of refused) if (kind === 'capture') this.base!.noteRefused(step);
    const stacks = this.base!.clone();
    const data = dataAtBase(changes, dataOf);
    for (const change of changes) {
      const {doc, type, mark, op} = change;
      const copies = new DataCopies(type, serialized(type, data.get(doc)));
      // A captured op that does nothing without the refused ones is not put on the stack.
      if (mark?.kind !== 'capture' || !isNoop(op)) stacks.apply(change, () => type.apply(copies.make(), copied(op)));
      data.set(doc, type.apply(data.get(doc), copied(op)));
    }
    for (const {step} of refused) {
      if (stacks.undo.find(step)?.isExcess) for (const one of [this.base!, stacks]) one.keepExcess(step);
    }
    this.changes = changes;
    return stacks;
  }

  /**
   * The changes without refused ones, if possible in an order that leads to the state `after`: changes at the same position can be placed
   * in two orders. A refused op may be composed of an undo and its redo. An insertion of another client next to the text can be placed
   * before the text only if the two are taken back one after the other, because the text does not exist between them.
   */
  private restTo(
    doc: Doc, type: Type, isRefused: (id: OpId) => boolean, dataBefore: (doc: Doc) => unknown, after: unknown, rollback?: unknown
  ): Rest<Doc> | undefined {
    let usual: Rest<Doc> | undefined;
    for (const maxParts of [1, MAX_PARTS]) {
      const first = this.rest(doc, type, isRefused, dataBefore, [], maxParts, rollback);
      if (!first || isSameData(type, first.data, after)) return first;
      usual ??= first;
      const all = Array.from({length: Math.min(first.ties, MAX_TRIES)}, (_, i) => i);
      const tries = [...all.map(i => [i]), ...all.flatMap(i => all.slice(i + 1).map(j => [i, j]))].slice(0, MAX_TRIES);
      for (const swapped of tries) {
        if (this.left < 0) return usual;
        const rest = this.rest(doc, type, isRefused, dataBefore, swapped, maxParts, rollback);
        if (rest && isSameData(type, rest.data, after)) return rest;
      }
    }
    return usual;
  }

  /**
   * The changes without refused ones.
   * @param swapped the indexes of the ties that are placed in the other order than usual
   * @param maxParts the number of refused changes to take back one after the other; earlier ones are composed
   * @param rollback the op that takes the refused ops back on the present data, if known
   * @throws if earlier data can't be computed
   */
  private rest(
    doc: Doc, type: Type, isRefused: (id: OpId) => boolean, dataBefore: (doc: Doc) => unknown, swapped: readonly number[],
    maxParts: number, rollback?: unknown
  ): Rest<Doc> | undefined {
    const isOut = (change: LoggedChange<Doc>): boolean => change.doc === doc && !!change.sentIn && isRefused(change.sentIn);
    if (!this.base || !this.changes.some(isOut)) return undefined;
    this.left -= this.changes.length;
    let data = dataAtBase(this.changes.filter(change => change.doc === doc), dataBefore).get(doc);
    const changes: LoggedChange<Doc>[] = [];
    const expectedForms = this.expectedAfter(doc, rollback);
    const refused: UndoMark[] = [];
    let ties = 0;
    /** Ops that lead, one after the other, from the data with the refused ops to the data without them. */
    let parts: unknown[] = [];
    for (const change of this.changes) {
      const {mark} = change;
      if (isOut(change)) {
        parts.unshift(change.inverse);
        while (parts.length > maxParts) parts.push(composed(type, ...(parts.splice(-2) as [unknown, unknown])));
        if (mark) refused.push(mark);
        continue;
      }
      let kept = change;
      if (parts.length && change.doc === doc) {
        let {op} = change;
        parts = parts.map((part, _i, {length}) => {
          const usual = transformedTo(type, op, part, length === 1 ? expectedForms.get(change) ?? [] : []);
          const isTie = !isSameOp(usual.chosen, usual.other);
          const [changed, next] = isTie && swapped.includes(ties) ? usual.other : usual.chosen;
          if (isTie) ties++;
          op = changed;
          return next;
        });
        kept = {...change, op, inverse: inverseOf(type, op, data)};
      }
      changes.push(kept);
      if (change.doc === doc) data = type.apply(data, copied(kept.op));
    }
    return {changes, refused, data, takesBack: parts.reduce((one, next) => composed(type, one, next), undefined), ties};
  }

  /** For each change, the forms that the rollback can have after it: text that it restores can be placed before or after text of others. */
  private expectedAfter(doc: Doc, rollback: unknown): Map<LoggedChange<Doc>, unknown[]> {
    const forms = new Map<LoggedChange<Doc>, unknown[]>();
    let [left, right] = [rollback, rollback];
    for (const change of rollback === undefined ? [] : [...this.changes].reverse()) {
      if (change.doc !== doc) continue;
      const {type, inverse} = change;
      forms.set(change, [left, right]);
      if (isNoop(inverse)) continue;
      if (!isNoop(left)) left = type.transform(left, inverse, 'left');
      if (!isNoop(right)) right = type.transform(right, inverse, 'right');
    }
    return forms;
  }
}

/** The data of each document before the changes. @param dataAfter copies the data after the changes @throws if an inverse is unknown */
function dataAtBase<Doc>(changes: readonly LoggedChange<Doc>[], dataAfter: (doc: Doc) => unknown): Map<Doc, unknown> {
  const data = new Map<Doc, unknown>();
  for (const {doc} of changes) if (!data.has(doc)) data.set(doc, dataAfter(doc));
  for (const {doc, type, inverse} of [...changes].reverse()) {
    if (inverse === undefined) throw new Error('The inverse of an op is unknown');
    data.set(doc, type.apply(data.get(doc), copied(inverse)));
  }
  return data;
}

type Both = [change: unknown, takesBack: unknown];

/** Transforms a later change, and the op that takes an earlier one back. @param forms the forms that the second op can have after that */
function transformedTo(type: Type, change: unknown, takesBack: unknown, forms: readonly unknown[]): {chosen: Both; other: Both} {
  const usual = transformedBoth(type, change, takesBack);
  const [first, last] = transformedBoth(type, takesBack, change);
  const other: Both = [last, first];
  const isExpected = (op: unknown): boolean => forms.some(form => isSameOp(form, op));
  return !isExpected(usual[1]) && isExpected(first) ? {chosen: other, other: usual} : {chosen: usual, other};
}
