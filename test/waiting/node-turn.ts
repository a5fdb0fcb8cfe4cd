/** Resolves in the next turn of Node's event loop, after everything that this turn leads to. For pages, see `turn.ts`. */
export const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve); });
