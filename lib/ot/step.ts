import type {DeadLetter} from '../protocol/messages.js';

/** What an op does, without what it has on its way: of what changes nothing, an op that is undefined. */
export function stepOf({op, create, del}: {op?: unknown; create?: {type: string; data: unknown}; del?: boolean}): DeadLetter['step'] {
  if (create) return {create};
  return del ? {del: true} : {op};
}
