import type {DeadLetter, MarkedStep} from '../protocol/messages.js';
import type {UndoMark} from '../protocol/undo.js';

interface Op {
  op?: unknown;
  create?: {type: string; data: unknown};
  del?: boolean;
  undo?: UndoMark | undefined;
}

/** The change of an op, without its message fields. An op that changes nothing has `op: undefined`. */
export function stepOf({op, create, del}: Op): DeadLetter['step'] {
  if (create) return {create};
  return del ? {del: true} : {op};
}

/** Like {@link stepOf}, with the op's undo mark. */
export function markedStepOf(op: Op): MarkedStep {
  const {undo} = op;
  return undo ? {...stepOf(op), undo} : stepOf(op);
}
