import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, invertOn, isSameData} from '../../ot/invert.js';
import {transformBoth} from '../../ot/transform-both.js';
import type {RealDoc, RealOp} from '../upstream.js';

/** The change that gives a document the state that it would have without the op in flight. */
export type Remedy =
  /** This op undoes the op in flight. */
  | {inverse: unknown}
  /** No op leads to that state: `data` is its data, and `kept` contains the pending ops that are kept, with their form on this data. */
  | {data: unknown; kept: {op: RealOp; made: unknown}[]};

/**
 * Computes the document without the op in flight, which the server has refused: the server's data with the pending ops applied.
 * @param base the server's data at the document's version
 */
export function withoutInflightOp(doc: RealDoc, base: unknown): Remedy {
  const {inflightOp, pendingOps} = doc;
  const type = inflightOp!.type!;
  const copies = new DataCopies(type, base);
  const inverse = invertOn(type, inflightOp!.op, copies);
  const isHidden = pendingOps.some(op => !('op' in op));
  const rebased = inverse === undefined ? undefined : rebasePendingOps(type, pendingOps, inverse, copies);
  // After a deletion or a creation, the data before it is not shown.
  if (rebased && (isHidden || undoes(doc, type, rebased))) return {inverse};
  return rebased ?? (isHidden ? {data: doc.data, kept: keepAll(pendingOps)} : keepIndependent(type, inflightOp!.op, pendingOps, copies));
}

interface RebasedOps {
  data: unknown;
  kept: {op: RealOp; made: unknown}[];
  /** The inverse, transformed over the pending ops. */
  undo: unknown;
}

/** Transforms the pending ops over `inverse`, which undoes the op in flight. @returns undefined if the type throws */
function rebasePendingOps(type: Type, pendingOps: RealOp[], inverse: unknown, base: DataCopies): RebasedOps | undefined {
  try {
    let undo = copied(inverse);
    let data = base.make();
    const kept: RebasedOps['kept'] = [];
    for (const op of pendingOps) {
      if (!('op' in op)) return {data, kept: keepAll(pendingOps), undo};
      const [made, next] = transformBoth(type, copied(op.op), undo);
      data = type.apply(data, copied(made));
      kept.push({op, made});
      undo = next;
    }
    return {data, kept, undo};
  } catch {
    return undefined;
  }
}

/** Whether the inverse leads from the document's present data to the computed data. */
function undoes(doc: RealDoc, type: Type, {data, undo}: RebasedOps): boolean {
  try {
    const shown = new DataCopies(type, type.serialize ? type.serialize(doc.data) : doc.data).make();
    return isSameData(type, type.apply(shown, copied(undo)), data);
  } catch {
    return false;
  }
}

/**
 * Keeps the pending ops that do not depend on the refused op, for a type without inverses: applied before or after it, their effect on the
 * data is the same. The other ops were made on data that no longer exist.
 */
function keepIndependent(type: Type, refused: unknown, pendingOps: RealOp[], base: DataCopies): {data: unknown; kept: RebasedOps['kept']} {
  const kept: unknown[] = [];
  const dropped = [refused];
  const apply = (...ops: unknown[]): unknown => ops.reduce((data, op) => type.apply(data, copied(op)) as unknown, base.make());
  const isIndependent = (op: unknown): boolean => {
    try {
      return isSameData(type, apply(...kept, op, ...dropped), apply(...kept, ...dropped, op));
    } catch {
      return false;
    }
  };
  const all: RebasedOps['kept'] = [];
  for (const op of pendingOps) {
    if (!isIndependent(op.op)) dropped.push(op.op);
    else {
      kept.push(op.op);
      all.push({op, made: op.op});
    }
  }
  return {data: apply(...kept), kept: all};
}

const keepAll = (ops: readonly RealOp[]): RebasedOps['kept'] => ops.map(op => ({op, made: op.op}));
