/**
 * How an op concerns the undo stack that the tabs of a browser share. It travels with the op, so that each tab learns of it
 * together with the op, in the order of the history.
 */
export interface UndoMark {
  /** `capture`: the op can be undone. The others say that it undoes or redoes a step. */
  kind: 'capture' | 'undo' | 'redo';
  /** The step's id, minted by the tab that has made it. */
  step: string;
  /** How many captured ops this one is made of, or undoes, or redoes. */
  ops: number;
}

/** What a document of a tab asks and tells the undo stack that tabs share. */
export interface UndoHook<Op> {
  /** The mark of an op of this tab that is about to be applied; undefined where it is not to be undone. */
  markOf(source: unknown): UndoMark | undefined;
  /** The host has given an op of this tab its place in the history. */
  onSequenced(op: Op): void;
}

/** Whether ops with these marks may become one op, as far as undo is concerned. */
export function canBeOne(one: UndoMark | undefined, other: UndoMark | undefined): boolean {
  return one === other || (one?.kind === 'capture' && other?.kind === 'capture' && one.step === other.step);
}
