import type {Type} from 'sharedb/lib/sharedb.js';
import type {OpRequest} from '../protocol/messages.js';
import type {Entry, Step} from './history.js';

export interface WaitingOp {
  step: Step;
  seq: number;
  x: OpRequest['x'];
}

/**
 * Carries ops, each made on the one before, over what happened meanwhile: as the tab that made them would
 * have done it. The tab's own ops among what happened are the ones at the head that had arrived.
 * @returns the ops that are left, or the error where both can't be
 */
export function rebase(ops: WaitingOp[], entries: Entry[], owner: string, type: Type | null): WaitingOp[] | Error {
  const waiting = ops.map(({step, seq, x}) => ({step: {...step}, seq, x}));
  for (const entry of entries) {
    if (entry.src === owner && entry.seq !== undefined) {
      while (waiting.length && waiting[0]!.seq <= entry.seq) waiting.shift();
      continue;
    }
    const happened = entry.step.load ? {create: {type: '', data: null}} : {...entry.step};
    for (const {step} of waiting) {
      const error = transformBoth(step, happened, type);
      if (error) return error;
    }
  }
  return waiting;
}

/** As upstream's client transforms a pending op and an op of the server, both in place. */
function transformBoth(own: Step, happened: Step, type: Type | null): Error | undefined {
  if (own.del) {
    delete happened.op;
    delete happened.create;
    delete happened.del;
    return undefined;
  }
  if (happened.del) return Object.assign(new Error('Document was deleted'), {code: 'ERR_DOC_WAS_DELETED'});
  if (happened.create || (own.create && 'op' in happened)) {
    return Object.assign(new Error('Document already created'), {code: 'ERR_DOC_ALREADY_CREATED'});
  }
  if (!('op' in happened) || !('op' in own) || !type) return undefined;
  const [mine, theirs] = [own.op, happened.op];
  own.op = type.transform(mine, theirs, 'left') as unknown;
  happened.op = type.transform(theirs, mine, 'right') as unknown;
  return undefined;
}
