import * as ot from 'sharedb/lib/ot.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import type {UnconfirmedOp} from '../protocol/messages.js';
import {fastType} from './fast-json0.js';
import {isSame} from './same.js';
import type {ConcurrentStep, Entry, Step, WaitingOp} from './history-entry.js';
import {rebaseMany} from './rebase-many.js';

/** If the product of the components of the ops and of the entries is above this, the entries are composed first. */
const MANY = 4096;

const sizeOf = (steps: readonly {step: Step}[]): number => steps.reduce((sum, {step: {op}}) => sum + (Array.isArray(op) ? op.length : 1), 0);

/**
 * Rebases ops, each made on the one before, over concurrent entries. It works as ShareDB's server does: the entries came first.
 * Entries of the tab itself are the first of the ops, which had arrived before.
 * @returns the remaining ops, or the error if an op can't be transformed
 */
export function rebase(ops: WaitingOp[], entries: readonly ConcurrentStep[], owner: string, type: Type | null): WaitingOp[] | Error {
  type = fastType(type);
  const isMany = type && sizeOf(ops) * sizeOf(entries) > MANY;
  const at = isMany ? entries.findIndex(({step}) => step.replaces) : -1;
  if (at >= 0 && entries.length > 1) {
    // Each op's form before such a step is recorded.
    return [entries.slice(0, at), entries.slice(at, at + 1), entries.slice(at + 1)].reduce<WaitingOp[] | Error>(
      (left, part) => (left instanceof Error || !part.length ? left : rebase(left, part, owner, type)), ops
    );
  }
  const many = type && isMany ? rebaseMany(at < 0 ? ops : ops.map(beforeReplacement), entries, owner, type) : undefined;
  if (many) return many;
  const waiting = ops.map(op => ({...op, step: {...op.step}}));
  for (const entry of entries) {
    if (entry.src === owner && entry.seq !== undefined) {
      while (waiting.length && waiting[0]!.seq <= entry.seq) waiting.shift();
      continue;
    }
    let happened: Step = entry.step.load ? {create: entry.step.load as Step['create'] & object} : entry.step;
    for (const [i, {step}] of waiting.entries()) {
      const before = {...step};
      if (happened.replaces) waiting[i] = beforeReplacement(waiting[i]!);
      const error = ot.transform(type, step, happened);
      if (error) return error;
      // The next op was made on this one.
      if (i + 1 < waiting.length) happened = transformOver(happened, before, type);
    }
  }
  return waiting;
}

/** The concurrent steps for a tab that already has some ops. */
export interface Continuation {
  steps: ConcurrentStep[];
  /** Whether the steps lead to the same state as the entries. If not, ties were resolved in another order. */
  isExact: boolean;
}

/**
 * Transforms the concurrent entries so that they apply after ops that a tab already has.
 * @param entries from the revision that the ops were made at. They contain the ops: those of tabs as such, and the server's as
 *   the host's document applied them, or as ops of tabs that the server has acknowledged since. The server acknowledges ops in
 *   their order.
 * @returns undefined if that is impossible
 */
export function transformAround(entries: readonly Entry[], ops: readonly UnconfirmedOp[], type: Type): Continuation | undefined {
  type = fastType(type);
  const steps: ConcurrentStep[] = [];
  let isExact = true;
  const versions = versionsOf(entries);
  /** The known ops that have not occurred in the entries so far, each made on the one before. */
  let left = [...ops];
  for (const {v, step, src, seq, isEmpty} of entries) {
    const [next] = left;
    if (isEmpty) {
      // The ops acknowledged by this entry are not among the entries.
      if (isAt(next, v)) return undefined;
      continue;
    }
    if (!next) {
      steps.push({step, src, seq});
      continue;
    }
    if (!('op' in step)) return undefined;
    const known = versions.get(identityName([src, seq]));
    const at = left.findIndex(one => (one.v === undefined ? one.src === src && one.seq === seq : one.v === known?.v));
    if (at >= 0) {
      isExact &&= at === 0 && isSame(left[at]!.op, step.op);
      // If the server has received several ops as one, the last of them completes it.
      const isComplete = left[at]!.v === undefined || known!.isLast;
      left = [...transformAll(step.op, left.slice(0, at), type).left, ...left.slice(isComplete ? at + 1 : at)];
    } else if (isAt(next, v)) {
      isExact &&= isSame(next.op, step.op);
      left = left.slice(1);
    } else {
      const over = transformAll(step.op, left, type);
      left = over.left;
      steps.push({step: {op: over.op, ...(step.replaces && {replaces: true})}, src, seq});
    }
  }
  return left.length ? undefined : {steps, isExact};
}

/** For each op of a tab: the version at which the server acknowledged it, and whether it is the last op of that version. */
function versionsOf(entries: readonly Entry[]): Map<string, {v: number; isLast: boolean}> {
  const versions = new Map<string, {v: number; isLast: boolean}>();
  for (const {v, acked = []} of entries) {
    acked.forEach((id, i) => versions.set(identityName(id), {v: v! - 1, isLast: i === acked.length - 1}));
  }
  return versions;
}

/** Whether the op is the server's op that led to this version. */
const isAt = (op: UnconfirmedOp | undefined, v: number | null): op is UnconfirmedOp => op?.v !== undefined && v === op.v + 1;

/** A name of an op's identity, for maps. */
export const identityName = ([src, seq]: readonly [src: string | undefined, seq: number | undefined]): string => JSON.stringify([src, seq]);

/**
 * Transforms an op over concurrent ops, and these over it. An op of the server came before it in the host's document; an op of a
 * tab came after it.
 */
function transformAll(op: unknown, others: readonly UnconfirmedOp[], type: Type): {op: unknown; left: UnconfirmedOp[]} {
  const left = others.map(one => {
    const isLater = one.v === undefined;
    const after = type.transform(one.op, op, isLater ? 'left' : 'right') as unknown;
    op = type.transform(op, one.op, isLater ? 'right' : 'left') as unknown;
    return {...one, op: after};
  });
  return {op, left};
}

/** An entry, transformed so that it applies after `own`, as ShareDB's client does it. */
function transformOver(happened: Step, own: Step, type: Type | null): Step {
  if (own.del) return {};
  return type && 'op' in happened && 'op' in own ? {...happened, op: type.transform(happened.op, own.op, 'right') as unknown} : happened;
}

/** Records an op's form before a step that replaces the content, because the transformed op may lose content. */
function beforeReplacement(op: WaitingOp): WaitingOp {
  const {step, x} = op;
  return 'op' in step && x.was === undefined ? {...op, x: {...x, was: step.op}} : op;
}
