import type {FrameDelivery} from './types.js';
import {PROTOCOL, type Outgoing} from './wire.js';

export interface OutboxOptions {
  name: string;
  post(frame: unknown[], transfer: Transferable[], delivery: FrameDelivery): unknown;
  /** Messages that are added to each frame. */
  rideAlong(): Outgoing[];
  /** The handlers' data for this frame, or 0. */
  collect(): unknown;
  /** The handlers' data could not be posted. */
  collectFailed(error: unknown): void;
}

/** Collects the messages of a turn, and posts them as one frame at its end. */
export class Outbox {
  #queue: Outgoing[] = [];
  #isScheduled = false;
  #mustPost = false;
  /** True until the other side has greeted. */
  isHeld = true;
  #isClosed = false;

  readonly #options: OutboxOptions;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  put(item: Outgoing): void {
    if (this.#isClosed) return;
    this.#queue.push(item);
    if (item.isUrgent && !this.isHeld) this.flush();
    else this.schedule();
  }

  /** @param mustPost whether to post a frame even without messages */
  schedule(mustPost = false): void {
    if (mustPost) this.#mustPost = true;
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // `await call` reads `call.then` before this runs. So the frame contains which results are awaited.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.isHeld || this.#isClosed) return;
    const items = this.#queue.filter(item => !item.isWithdrawn);
    this.#queue = [];
    items.push(...this.#options.rideAlong());
    if (!items.length && !this.#mustPost) return;
    const ext = this.#options.collect();
    if (!items.length && ext === 0) {
      this.#mustPost = false;
      return;
    }
    this.#mustPost = false;
    try {
      // A list that has an object twice is refused (HTML Standard, StructuredSerializeWithTransfer).
      this.#post(ext, items, [...new Set(items.flatMap(item => item.transfer))]);
    } catch {
      this.#postEach(ext, items);
    }
  }

  #post(ext: unknown, items: readonly Outgoing[], transfer: Transferable[]): void {
    const delivery = {
      posted: () => { for (const item of items) item.posted?.(); },
      failed: (error: unknown) => { for (const item of items) item.failed?.(error); }
    };
    if (this.#options.post(this.frame(ext, items.map(item => item.message)), transfer, delivery) !== 'later') delivery.posted();
  }

  /** @returns the messages that were not posted */
  close(): Outgoing[] {
    this.#isClosed = true;
    const rest = this.#queue;
    this.#queue = [];
    return rest;
  }

  frame(ext: unknown, messages: unknown[]): unknown[] {
    return this.#options.name ? [PROTOCOL, ext, messages, this.#options.name] : [PROTOCOL, ext, messages];
  }

  /**
   * Posts the messages one by one, after one bad value prevented the whole frame. A `postMessage` that throws has transferred
   * nothing.
   */
  #postEach(ext: unknown, items: Outgoing[]): void {
    if (ext !== 0) {
      try {
        this.#post(ext, [], []);
      } catch (error) {
        this.#options.collectFailed(error);
      }
    }
    for (const item of items) {
      try {
        this.#post(0, [item], item.transfer);
      } catch (error) {
        item.failed?.(error);
      }
    }
  }
}
