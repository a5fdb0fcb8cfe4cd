import {OBJECT_BYTES, Used, Window, sizeOf} from './credits.js';
import {CANCEL, CREDIT, END, FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';

/** An iterator, or the reader of a stream. */
export interface Steps {
  next(value?: unknown): unknown;
  return?(value?: unknown): unknown;
}

/**
 * Sends the items of a stream or iterable of this side, as far as the other side has requested them.
 * @param start returns the steps; called when the other side begins to read
 * @param isStream whether the size of an item counts, and whether its buffer is transferred
 */
export function sendItems(link: FlowLink, start: () => Steps, isStream: boolean): FlowEnd {
  let steps: Steps | undefined;
  const room = new Window();
  let isOver = false;

  /** Whether this ends the flow. */
  const end = (): boolean => {
    if (isOver) return false;
    room.wake();
    return isOver = true;
  };
  const run = async (): Promise<void> => {
    try {
      steps = start();
      for (;;) {
        while (!room.hasRoom && !isOver) await room.changed();
        if (isOver) return;
        const {done, value} = (await steps.next()) as IteratorResult<unknown>;
        if (isOver) return;
        if (done) {
          end();
          return sendLast(link, END, value);
        }
        room.take(isStream ? sizeOf(value) : OBJECT_BYTES);
        try {
          link.send(ITEM, value, isStream);
        } catch (error) {
          stop(error);
          throw error;
        }
      }
    } catch (error) {
      if (end()) sendLast(link, FAIL, error);
    }
  };
  /** Ends the steps and so runs the `finally` of a generator. Nobody receives an error from there. */
  const stop = (reason: unknown): void => {
    // An iterator that has not started has nothing to clean up, as with generators.
    const stopping = async (): Promise<unknown> => steps?.return?.(reason);
    stopping().catch(() => {});
  };
  const cancel = async (reason: unknown): Promise<void> => {
    try {
      steps ??= start();
      await steps.return?.(reason);
      sendLast(link, END);
    } catch (error) {
      sendLast(link, FAIL, error);
    }
  };
  return {
    handle(what, value) {
      if ((what === CANCEL || what === FAIL) && end()) void cancel(value);
      if (what !== CREDIT || isOver) return;
      room.give(value);
      if (!steps) void run();
    },
    close(error) {
      if (end()) stop(error);
    }
  };
}

type Ending = {failed: unknown} | {value: unknown};

/** The items of a stream or iterable of the other side. They arrive ahead of `next()`. */
export class Incoming implements FlowEnd {
  readonly #items: unknown[] = [];
  #waiting: {resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void}[] = [];
  #ending: Ending | undefined;
  #hasBegun = false;
  #isReturning = false;

  readonly #link: FlowLink;
  readonly #isStream: boolean;
  readonly #used: Used;

  constructor(link: FlowLink, isStream: boolean) {
    this.#link = link;
    this.#isStream = isStream;
    this.#used = new Used(link);
  }

  next(): Promise<IteratorResult<unknown>> {
    if (!this.#hasBegun && !this.#ending) {
      this.#hasBegun = true;
      this.#link.send(CREDIT, [0, 0]);
    }
    if (this.#items.length) {
      const value = this.#items.shift();
      if (!this.#ending) this.#used.add(this.#isStream ? sizeOf(value) : OBJECT_BYTES);
      return Promise.resolve({done: false, value});
    }
    if (this.#ending) return this.#ended();
    return new Promise((resolve, reject) => this.#waiting.push({resolve, reject}));
  }

  return(value?: unknown, reason?: unknown): Promise<IteratorResult<unknown>> {
    this.#items.length = 0;
    if (this.#ending) return Promise.resolve({done: true, value});
    return new Promise((resolve, reject) => {
      this.#waiting.push({resolve: () => resolve({done: true, value}), reject});
      if (this.#isReturning) return;
      this.#isReturning = true;
      try {
        this.#link.send(CANCEL, reason);
      } catch {
        this.#link.send(CANCEL);
      }
    });
  }

  handle(what: number, value: unknown): void {
    if (what === ITEM) {
      if (this.#isReturning || this.#ending) return;
      this.#items.push(value);
      const next = this.#waiting.shift();
      if (next) void this.next().then(next.resolve, next.reject);
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
