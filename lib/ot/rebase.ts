import * as ot from 'sharedb/lib/ot.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import type {UnconfirmedOp} from '../protocol/messages.js';
import {fastType} from './fast-json0.js';
import {isSame} from './same.js';
import type {ConcurrentStep, Entry, Step, WaitingOp} from './history-entry.js';
import {rebaseMany} from './rebase-many.js';

/** Of more components of ops times those of entries, the entries are composed first. */
const MANY = 4096;

const sizeOf = (steps: readonly {step: Step}[]): number => steps.reduce((sum, {step: {op}}) => sum + (Array.isArray(op) ? op.length : 1), 0);

/**
 * Carries ops, each made on the one before, over what happened meanwhile: as ShareDB's server does it, for which what
 * happened came first. The tab's own ops among what happened are the ones at the head that had arrived.
 * @returns the ops that are left, or the error where both can't be
 */
export function rebase(ops: WaitingOp[], entries: readonly ConcurrentStep[], owner: string, type: Type | null): WaitingOp[] | Error {
  type = fastType(type);
  const many = type && sizeOf(ops) * sizeOf(entries) > MANY ? rebaseMany(ops, entries, owner, type) : undefined;
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
      const error = ot.transform(type, step, happened);
      if (error) return error;
      // What comes next was made on this one.
      if (i + 1 < waiting.length) happened = carryOver(happened, before, type);
    }
  }
  return waiting;
}

/** A way on for who knows some ops already: what happened beside them. */
export interface Continuation {
  steps: ConcurrentStep[];
  /** It leads to the very state that all of what happened leads to; else there are ties that went another way. */
  isExact: boolean;
}

/**
 * The way on for who knows these ops already, and nothing else of what happened: all the rest, as if it had happened after
 * them.
 * @param entries from where who goes it has begun. The ops are among them: those of tabs, and the server's as the host's
 *   document took them, or as ops of tabs that the server has acknowledged since. Those it acknowledges in their order.
 * @returns undefined where there is no such way
 */
export function transformAround(entries: readonly Entry[], ahead: readonly UnconfirmedOp[], type: Type): Continuation | undefined {
  type = fastType(type);
  const way: ConcurrentStep[] = [];
  let isExact = true;
  const versions = versionsOf(entries);
  /** The known ops that the history does not have up to here, each made on the one before. */
  let left = [...ahead];
  for (const {v, step, src, seq, isEmpty} of entries) {
    const [next] = left;
    if (isEmpty) {
      // What has been acknowledged with this is not among the entries.
      if (isAt(next, v)) return undefined;
      continue;
    }
    if (!next) {
      way.push({step, src, seq});
      continue;
    }
    if (!('op' in step)) return undefined;
    const known = versions.get(nameOf(src, seq));
    const at = left.findIndex(one => (one.v === undefined ? one.src === src && one.seq === seq : one.v === known?.v));
    if (at >= 0) {
      isExact &&= at === 0 && isSame(left[at]!.op, step.op);
      // Of several that became one for the server, the last one completes it.
      const isComplete = left[at]!.v === undefined || known!.isLast;
      left = [...transformAll(step.op, left.slice(0, at), type).left, ...left.slice(isComplete ? at + 1 : at)];
    } else if (isAt(next, v)) {
      isExact &&= isSame(next.op, step.op);
      left = left.slice(1);
    } else {
      const over = transformAll(step.op, left, type);
      left = over.left;
      way.push({step: {op: over.op}, src, seq});
    }
  }
  return left.length ? undefined : {steps: way, isExact};
}

/** The version at which the server has acknowledged each op of a tab, and whether it is the last of those at that version. */
function versionsOf(entries: readonly Entry[]): Map<string, {v: number; isLast: boolean}> {
  const versions = new Map<string, {v: number; isLast: boolean}>();
  for (const {v, acked = []} of entries) {
    acked.forEach(([owner, seq], i) => versions.set(nameOf(owner, seq), {v: v! - 1, isLast: i === acked.length - 1}));
  }
  return versions;
}

/** Whether it is the server's op that led to this version. */
const isAt = (op: UnconfirmedOp | undefined, v: number | null): op is UnconfirmedOp => op?.v !== undefined && v === op.v + 1;

const nameOf = (src: string | undefined, seq: number | undefined): string => JSON.stringify([src, seq]);

/**
 * An op, as it is after others beside it, and they as they are after it. The server's came before it, for the host's
 * document; those of tabs come after it.
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

/** What happened, as it is for who has made `own` before: upstream's client does it so. */
function carryOver(happened: Step, own: Step, type: Type | null): Step {
  if (own.del) return {};
  return type && 'op' in happened && 'op' in own ? {op: type.transform(happened.op, own.op, 'right') as unknown} : happened;
}
