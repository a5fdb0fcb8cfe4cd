import * as ot from 'sharedb/lib/ot.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import type {AheadOp, SubmitOptions} from '../protocol/messages.js';
import type {Entry, Step} from './history.js';

/** A step of a history, and whose it is. */
export type Happened = Pick<Entry, 'step' | 'src' | 'seq'>;

export interface WaitingOp {
  step: Step;
  seq: number;
  x: SubmitOptions;
}

/**
 * Carries ops, each made on the one before, over what happened meanwhile: as ShareDB's server does it, for which what
 * happened came first. The tab's own ops among what happened are the ones at the head that had arrived.
 * @returns the ops that are left, or the error where both can't be
 */
export function rebase(ops: WaitingOp[], entries: readonly Happened[], owner: string, type: Type | null): WaitingOp[] | Error {
  const waiting = ops.map(({step, seq, x}) => ({step: {...step}, seq, x}));
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

/**
 * The way on for who knows the server's next ops already, and nothing else of what happened: all the rest, as if it had
 * happened after them.
 * @param entries from where who goes it has begun: the ops are among them, as the host's document took them
 * @returns undefined where there is no such way
 */
export function beside(entries: readonly Entry[], known: readonly AheadOp[], type: Type | null): Happened[] | undefined {
  const way: Happened[] = [];
  let left = [...known];
  for (const {v, step, src, seq, isEmpty} of entries) {
    const [next] = left;
    if (next && v === next.v + 1) {
      // Acknowledged here, it was a tab's, and is among the rest.
      if (!('op' in step)) return undefined;
      left = left.slice(1);
    } else if (!next || isEmpty) {
      way.push({step, src, seq});
    } else {
      if (!type || !('op' in step)) return undefined;
      let {op} = step;
      left = left.map(one => {
        const theirs = type.transform(one.op, op, 'right') as unknown;
        op = type.transform(op, one.op, 'left') as unknown;
        return {...one, op: theirs};
      });
      way.push({step: {op}, src, seq});
    }
  }
  return left.length ? undefined : way;
}

/** What happened, as it is for who has made `own` before: upstream's client does it so. */
function carryOver(happened: Step, own: Step, type: Type | null): Step {
  if (own.del) return {};
  return type && 'op' in happened && 'op' in own ? {op: type.transform(happened.op, own.op, 'right') as unknown} : happened;
}
