import * as ot from 'sharedb/lib/ot.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {isJson0} from './fast-json0.js';
import {transformLists} from './json0-lists.js';
import type {ConcurrentStep, WaitingOp} from './history-entry.js';

type Compose = (one: unknown, other: unknown) => unknown;

/**
 * Rebases many ops over many entries. To transform each op over each entry would take millions of transforms. So the entries are
 * composed, and the result is transformed over one op after the other: two transforms for each op, however many entries there are.
 * @returns undefined if some steps are not ops, or the type can't compose
 */
export function rebaseMany(ops: readonly WaitingOp[], entries: readonly ConcurrentStep[], owner: string, type: Type): WaitingOp[] | Error | undefined {
  const {compose} = type;
  const steps = [...ops.map(({step}) => step), ...entries.map(({step}) => step)];
  if (!compose || steps.some(({create, del, load}) => create || del || load)) return undefined;
  const waiting = ops.map(op => ({...op, step: {...op.step}}));
  /** The concurrent ops so far, made on the state that the first waiting op was made on. */
  let concurrent: unknown[] = [];
  /** Transforms one waiting op over the concurrent ops, and the concurrent ops over it. */
  const pass = (op: WaitingOp): Error | undefined => {
    if (!concurrent.length || op.step.op === undefined) return undefined;
    const other = composeAll(concurrent, compose.bind(type));
    const before = op.step.op;
    const both = isJson0(type) ? transformLists(before as [], other as []) : undefined;
    if (both) {
      op.step.op = both[0];
      concurrent = [both[1]];
      return undefined;
    }
    const error = ot.transform(type, op.step, {op: other});
    if (error) return error;
    concurrent = [type.transform(other, before, 'right') as unknown];
    return undefined;
  };
  for (const {step, src, seq} of entries) {
    if (src === owner && seq !== undefined) {
      // The tab's op is in the history here. The remaining ops were made on it.
      while (waiting.length && waiting[0]!.seq <= seq) {
        const error = pass(waiting.shift()!);
        if (error) return error;
      }
    } else if (step.op !== undefined) {
      concurrent.push(step.op);
    }
  }
  for (const op of waiting) {
    const error = pass(op);
    if (error) return error;
  }
  return waiting;
}

/** Composes in pairs, so that no op is copied once for each other op. */
function composeAll(ops: readonly unknown[], compose: Compose): unknown {
  let left = ops;
  while (left.length > 1) {
    left = Array.from({length: Math.ceil(left.length / 2)}, (_, i) => (2 * i + 1 < left.length ? compose(left[2 * i], left[2 * i + 1]) : left[2 * i]));
  }
  return left[0];
}
