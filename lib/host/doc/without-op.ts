import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, invertOn, isSameData} from '../../ot/invert.js';
import {transformBoth} from '../../ot/transform-both.js';
import type {RealDoc, RealOp} from '../upstream.js';

/** How a document becomes what it would be without the op under way. */
export type Remedy =
  /** This op undoes it. */
  | {inverse: unknown}
  /** No op leads there: this is the data, and these are the pending ops that are kept, with what they are on it. */
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
  const carried = inverse === undefined ? undefined : carryOver(type, pendingOps, inverse, copies);
  // Behind a deletion nobody sees what the data was.
  if (carried && (isHidden || undoes(doc, type, carried))) return {inverse};
  return carried ?? (isHidden ? {data: doc.data, kept: keepAll(pendingOps)} : keepIndependent(type, inflightOp!.op, pendingOps, copies));
}

interface Carried {
  data: unknown;
  kept: {op: RealOp; made: unknown}[];
  /** The inverse, as it is after the pending ops. */
  undo: unknown;
}

/** The pending ops as they are without the one that `inverse` undoes; undefined where the type can't tell. */
function carryOver(type: Type, pendingOps: RealOp[], inverse: unknown, base: DataCopies): Carried | undefined {
  try {
    let undo = copied(inverse);
    let data = base.make();
    const kept: Carried['kept'] = [];
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

/** Whether the inverse leads from what the document shows to what it has to show. */
function undoes(doc: RealDoc, type: Type, {data, undo}: Carried): boolean {
  try {
    const shown = new DataCopies(type, type.serialize ? type.serialize(doc.data) : doc.data).make();
    return isSameData(type, type.apply(shown, copied(undo)), data);
  } catch {
    return false;
  }
}

/**
 * For a type without inverses: the ops that do not depend on the refused one. Before or after it, their effect on the data is the same.
 * The other ops were made on data that no longer exist.
 */
function keepIndependent(type: Type, refused: unknown, pendingOps: RealOp[], base: DataCopies): {data: unknown; kept: Carried['kept']} {
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
  const all: Carried['kept'] = [];
  for (const op of pendingOps) {
    if (!isIndependent(op.op)) dropped.push(op.op);
    else {
      kept.push(op.op);
      all.push({op, made: op.op});
    }
  }
  return {data: apply(...kept), kept: all};
}

const keepAll = (ops: readonly RealOp[]): Carried['kept'] => ops.map(op => ({op, made: op.op}));
