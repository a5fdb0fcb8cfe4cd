import {CANCEL, CREDIT, END, FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';
import {define} from './own-members.js';

/** How many items may be under way. */
const WINDOW = 32;

interface Steps {
  next(value?: unknown): unknown;
  return?(value?: unknown): unknown;
}

/** Runs an iterable of this side, as far as the other side has requested items. */
export function iterateHere(iterable: AsyncIterable<unknown> | Iterable<unknown>, link: FlowLink): FlowEnd {
  let iterator: Steps | undefined;
  let credit = 0;
  let isRunning = false;
  let isOver = false;

  const start = (): Steps => {
    const begin = (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator] ?? (iterable as Iterable<unknown>)[Symbol.iterator];
    return begin.call(iterable) as Steps;
  };
  const end = (what: number, value: unknown): void => {
    if (isOver) return;
    isOver = true;
    sendLast(link, what, value);
  };
  const run = async (): Promise<void> => {
    if (isRunning || isOver) return;
    isRunning = true;
    try {
      iterator ??= start();
      while (credit > 0 && !isOver) {
        const {done, value} = (await iterator.next()) as IteratorResult<unknown>;
        if (isOver) return;
        if (done) return end(END, value);
        credit--;
        try {
          link.send(ITEM, value);
        } catch (error) {
          stop();
          throw error;
        }
      }
    } catch (error) {
      end(FAIL, error);
    } finally {
      isRunning = false;
    }
  };
  /** Ends the iterator and so runs its `finally`. Nobody receives an error from there. */
  const stop = (): unknown => {
    // An iterator that has not started has nothing to clean up, as with generators.
    const result: unknown = iterator?.return?.();
    if (result instanceof Promise) result.catch(() => {});
    return result;
  };
  const cancel = async (value: unknown): Promise<void> => {
    if (isOver) return;
    isOver = true;
    try {
      iterator ??= start();
      await iterator.return?.(value);
      sendLast(link, END, value);
    } catch (error) {
      sendLast(link, FAIL, error);
    }
  };
  return {
    handle(what, value) {
      if (what === CANCEL) return void cancel(value);
      if (what !== CREDIT || typeof value !== 'number' || !(value > 0)) return;
      credit = Math.min(credit + value, WINDOW);
      void run();
    },
    close() {
      if (isOver) return;
      isOver = true;
      try {
        stop();
      } catch {
        // The iterator threw while it was ended. Nobody waits for it.
      }
    }
  };
}

/** An iterator on this side over an iterable of the other side. Items arrive ahead of `next()`. */
export function iterateThere(link: FlowLink): {end: FlowEnd & {drop(): void}; value: AsyncIterableIterator<unknown>} {
  const state = new Incoming(link);
  const value: AsyncIterableIterator<unknown> = {
    next: () => state.next(),
    return: result => state.return(result),
    throw: error => state.return(undefined).then(() => Promise.reject(error)),
    [Symbol.asyncIterator]: () => value
  };
  define(value, Symbol.dispose, () => void state.return(undefined).catch(() => {}));
  return {value, end: state};
}

type Ending = {failed: unknown} | {value: unknown};

class Incoming implements FlowEnd {
  readonly #items: unknown[] = [];
  #waiting: {resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void}[] = [];
  #ending: Ending | undefined;
  #used = 0;
  #hasBegun = false;
  #isReturning = false;

  readonly #link: FlowLink;

  constructor(link: FlowLink) {
    this.#link = link;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (!this.#hasBegun && !this.#ending) {
      this.#hasBegun = true;
      this.#link.send(CREDIT, WINDOW);
    }
    if (this.#items.length) {
      const value = this.#items.shift();
      if (++this.#used >= WINDOW / 2) {
        if (!this.#ending) this.#link.send(CREDIT, this.#used);
        this.#used = 0;
      }
      return Promise.resolve({done: false, value});
    }
    if (this.#ending) return this.#ended();
    return new Promise((resolve, reject) => this.#waiting.push({resolve, reject}));
  }

  return(value: unknown): Promise<IteratorResult<unknown>> {
    this.#items.length = 0;
    if (this.#ending) return Promise.resolve({done: true, value});
    return new Promise((resolve, reject) => {
      this.#waiting.push({resolve: () => resolve({done: true, value}), reject});
      if (this.#isReturning) return;
      this.#isReturning = true;
      this.#link.send(CANCEL);
    });
  }

  handle(what: number, value: unknown): void {
    if (what === ITEM) {
      if (this.#isReturning) return;
      const next = this.#waiting.shift();
      if (!next) return void this.#items.push(value);
      this.#items.push(value);
      void this.next().then(next.resolve, next.reject);
    } else if (what === END || what === FAIL) {
      this.#link.done();
      this.#finish(what === END ? {value} : {failed: value});
    }
  }

  close(error: Error): void {
    this.#finish({failed: error});
  }

  /** Called when the iterator is garbage. */
  drop(): void {
    if (!this.#ending && !this.#isReturning) this.#link.send(CANCEL);
    this.#isReturning = true;
  }

  #finish(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const {resolve, reject} of waiting) void this.#ended().then(resolve, reject);
  }

  /** As with a generator, the end is reported once; after that, the iterator is done. */
  #ended(): Promise<IteratorResult<unknown>> {
    const ending = this.#ending!;
    this.#ending = {value: undefined};
    return 'failed' in ending ? Promise.reject(ending.failed) : Promise.resolve({done: true, value: ending.value});
  }
}
