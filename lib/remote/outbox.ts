import type {FrameDelivery, FrameTransport} from './types.js';
import {PROTOCOL, type Outgoing} from './wire.js';

/** The part of a peer that an outbox needs. */
export interface OutboxPeer {
  readonly options: {readonly name: string};
  readonly transport: Pick<FrameTransport, 'post'>;
  /** `collect` returns the handlers' data for a frame, or 0. */
  readonly handlers: {collect(): unknown};
  /** Messages that are added to each frame. */
  takeReceipts(): Outgoing[];
  /** A message can't be posted. */
  fail(item: Outgoing, error: unknown): void;
  reportError(error: unknown, what: string): void;
}

/** For frames whose posting nobody waits for. */
const NOBODY: FrameDelivery = {posted() {}, failed() {}};

/** Collects the messages of a turn, and posts them as one frame at its end. */
export class Outbox {
  #queue: Outgoing[] = [];
  #isScheduled = false;
  #mustPost = false;
  /** True until the other side has greeted. */
  isHeld = true;
  #isClosed = false;

  readonly #peer: OutboxPeer;

  constructor(peer: OutboxPeer) {
    this.#peer = peer;
  }

  put(item: Outgoing): void {
    if (this.#isClosed) return;
    this.#queue.push(item);
    if (item.isUrgent && !this.isHeld) this.flush();
    else this.schedule();
  }

  /** @param mustPost whether to collect the handlers' data even without messages */
  schedule(mustPost = false): void {
    this.#mustPost ||= mustPost;
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
    items.push(...this.#peer.takeReceipts());
    if (!items.length && !this.#mustPost) return;
    this.#mustPost = false;
    const ext = this.#peer.handlers.collect();
    if (!items.length && ext === 0) return;
    try {
      // A list that has an object twice is refused (HTML Standard, StructuredSerializeWithTransfer).
      this.#post(ext, items, [...new Set(items.flatMap(item => item.transfer))]);
    } catch {
      this.#postEach(ext, items);
    }
  }

  /** Posts a message before the other side has greeted. */
  postNow(message: unknown[]): void {
    this.#peer.transport.post(this.#frame(0, [message]), [], NOBODY);
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }

  #post(ext: unknown, items: readonly Outgoing[], transfer: Transferable[]): void {
    const delivery = {
      posted: () => { for (const item of items) item.isPosted = true; },
      failed: (error: unknown) => { for (const item of items) this.#peer.fail(item, error); }
    };
    if (this.#peer.transport.post(this.#frame(ext, items.map(item => item.message)), transfer, delivery) !== 'later') delivery.posted();
  }

  #frame(ext: unknown, messages: unknown[]): unknown[] {
    const {name} = this.#peer.options;
    return name ? [PROTOCOL, ext, messages, name] : [PROTOCOL, ext, messages];
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
        this.#peer.reportError(error, 'the data that is sent with a frame');
      }
    }
    for (const item of items) {
      try {
        this.#post(0, [item], item.transfer);
      } catch (error) {
        this.#peer.fail(item, error);
      }
    }
  }
}
