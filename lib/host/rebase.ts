import * as ot from 'sharedb/lib/ot.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import type {SubmitOptions} from '../protocol/messages.js';
import type {Entry, Step} from './history.js';

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
export function rebase(ops: WaitingOp[], entries: Entry[], owner: string, type: Type | null): WaitingOp[] | Error {
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

/** What happened, as it is for who has made `own` before: upstream's client does it so. */
function carryOver(happened: Step, own: Step, type: Type | null): Step {
  if (own.del) return {};
  return type && 'op' in happened && 'op' in own ? {op: type.transform(happened.op, own.op, 'right') as unknown} : happened;
}
