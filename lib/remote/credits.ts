import {CREDIT, type FlowLink} from './flow-link.js';

/** A sender may have this many items or bytes under way, whichever limit is reached last. */
const WINDOW_ITEMS = 8;
const WINDOW_BYTES = 1024 * 1024;

/**
 * The size of an item that is neither bytes nor text, and the least size of any item. Without it, a stream of such items would
 * have no limit.
 */
export const OBJECT_BYTES = 32 * 1024;
const LEAST_BYTES = 1024;

export const sizeOf = (chunk: unknown): number => {
  const size = (chunk as {byteLength?: unknown} | null)?.byteLength ?? (typeof chunk === 'string' ? chunk.length * 2 : OBJECT_BYTES);
  return typeof size === 'number' ? Math.max(size, LEAST_BYTES) : OBJECT_BYTES;
};

/** The items and bytes that a sender may still send. */
export class Window {
  #items = 0;
  #bytes = 0;
  #resume: (() => void) | undefined;

  get hasRoom(): boolean {
    return this.#items < WINDOW_ITEMS || this.#bytes < WINDOW_BYTES;
  }

  take(bytes: number): void {
    this.#items++;
    this.#bytes += bytes;
  }

  give(credit: unknown): void {
    const [items, bytes] = Array.isArray(credit) ? (credit as [number, number]) : [0, 0];
    this.#items = Math.max(0, this.#items - (Number(items) || 0));
    this.#bytes = Math.max(0, this.#bytes - (Number(bytes) || 0));
    this.wake();
  }

  wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Resolves at the next credit or `wake()`. */
  changed(): Promise<void> {
    return new Promise(resolve => this.#resume = resolve);
  }
}

/** The items and bytes that a receiver has used and not reported yet. */
export class Used {
  #items = 0;
  #bytes = 0;

  readonly #link: FlowLink;

  constructor(link: FlowLink) {
    this.#link = link;
  }

  add(bytes: number): void {
    this.#items++;
    this.#bytes += bytes;
    if (this.#items < WINDOW_ITEMS / 2 && this.#bytes < WINDOW_BYTES / 2) return;
    this.#link.send(CREDIT, [this.#items, this.#bytes]);
    this.#items = this.#bytes = 0;
  }
}
