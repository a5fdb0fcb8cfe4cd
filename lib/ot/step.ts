import type {DeadLetter, MarkedStep} from '../protocol/messages.js';
import type {UndoMark} from '../protocol/undo.js';

interface Op {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: boolean;
  undo?: UndoMark | undefined;
}

/** What an op does, without what it has on its way: of what changes nothing, an op that is undefined. */
export function stepOf({op, create, del}: Op): DeadLetter['step'] {
  if (create) return {create};
  return del ? {del: true} : {op};
}

/** The same, with the mark that undo has put on it. */
export function markedStepOf(op: Op): MarkedStep {
  const {undo} = op;
  return undo ? {...stepOf(op), undo} : stepOf(op);
}
