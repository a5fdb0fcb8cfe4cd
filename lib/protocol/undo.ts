/**
 * The role of an op in the undo stack that the tabs of a browser share. It is sent with the op, so that each tab gets it in the
 * order of the history.
 */
export interface UndoMark {
  /** `capture`: the op can be undone. The others: the op undoes or redoes a step. */
  kind: 'capture' | 'undo' | 'redo';
  /** The step's id, created by the tab that made the step. */
  step: string;
  /** The number of captured ops that this op consists of, undoes or redoes. */
  ops: number;
}

/** The connection between a tab's document and the shared undo stack. */
export interface UndoHook<Op> {
  /** The mark of an op of this tab that is about to be applied; undefined if it can't be undone. */
  markOf(source: unknown): UndoMark | undefined;
  /** Called when the host has placed an op of this tab in the history. */
  onSequenced(op: Op): void;
}

/** Whether ops with these marks may become one op, as far as undo is concerned. */
export function canBeOne(one: UndoMark | undefined, other: UndoMark | undefined): boolean {
  return one === other || (one?.kind === 'capture' && other?.kind === 'capture' && one.step === other.step);
}
