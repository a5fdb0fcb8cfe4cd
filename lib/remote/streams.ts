import {CANCEL, CREDIT, END, FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';

/** A sender may have this many chunks or bytes under way, whichever limit is reached last. */
const WINDOW_CHUNKS = 8;
const WINDOW_BYTES = 1024 * 1024;

/**
 * The size of a chunk that is neither bytes nor text, and the least size of any chunk. Without it, a stream of such chunks would
 * have no limit.
 */
const OBJECT_BYTES = 32 * 1024;
const LEAST_BYTES = 1024;

const sizeOf = (chunk: unknown): number => {
  const size = (chunk as {byteLength?: unknown} | null)?.byteLength ?? (typeof chunk === 'string' ? chunk.length * 2 : OBJECT_BYTES);
  return typeof size === 'number' ? Math.max(size, LEAST_BYTES) : OBJECT_BYTES;
};

/** The chunks and bytes that a sender may still send. */
class Window {
  #chunks = 0;
  #bytes = 0;
  #resume: (() => void) | undefined;

  #isOpen: boolean;

  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  get hasRoom(): boolean {
    return this.#isOpen && (this.#chunks < WINDOW_CHUNKS || this.#bytes < WINDOW_BYTES);
  }

  take(bytes: number): void {
    this.#chunks++;
    this.#bytes += bytes;
  }

  give(credit: unknown): void {
    this.#isOpen = true;
    const [chunks, bytes] = Array.isArray(credit) ? (credit as [number, number]) : [0, 0];
    this.#chunks = Math.max(0, this.#chunks - (Number(chunks) || 0));
    this.#bytes = Math.max(0, this.#bytes - (Number(bytes) || 0));
    this.wake();
  }

  wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  room(): Promise<void> {
    return new Promise(resolve => this.#resume = resolve);
  }
}

/** The chunks and bytes that a receiver has used and not reported yet. */
class Used {
  #chunks = 0;
  #bytes = 0;

  readonly #link: FlowLink;

  constructor(link: FlowLink) {
    this.#link = link;
  }

  add(bytes: number): void {
    this.#chunks++;
    this.#bytes += bytes;
    if (this.#chunks < WINDOW_CHUNKS / 2 && this.#bytes < WINDOW_BYTES / 2) return;
    this.#link.send(CREDIT, [this.#chunks, this.#bytes]);
    this.#chunks = this.#bytes = 0;
  }
}

/** Sends the chunks of a stream of this side. */
export function readHere(stream: ReadableStream, link: FlowLink): FlowEnd {
  const reader = stream.getReader();
  const room = new Window(false);
  let isOver = false;
  const end = (what: number, value?: unknown): void => {
    if (isOver) return;
    isOver = true;
    sendLast(link, what, value);
  };
  const pump = async (): Promise<void> => {
    try {
      while (!isOver) {
        if (!room.hasRoom) {
          await room.room();
          continue;
        }
        const {done, value} = (await reader.read()) as ReadableStreamReadResult<unknown>;
        if (isOver) return;
        if (done) return end(END);
        room.take(sizeOf(value));
        link.send(ITEM, value, true);
      }
    } catch (error) {
      const wasOver = isOver;
      end(FAIL, error);
      if (!wasOver) reader.cancel(error).catch(() => {});
    }
  };
  const stop = (reason: unknown): void => {
    if (isOver) return;
    isOver = true;
    reader.cancel(reason).catch(() => {});
    room.wake();
  };
  void pump();
  return {
    handle(what, value) {
      if (what === CREDIT) room.give(value);
      else if (what === CANCEL) {
        link.done();
        stop(value);
      }
    },
    close(error) {
      if (error) return stop(error);
      isOver = true;
      reader.releaseLock();
    }
  };
}

/** A stream on this side with chunks from the other side. */
export function readThere(link: FlowLink): {end: FlowEnd; value: ReadableStream} {
  const used = new Used(link);
  const arrived: unknown[] = [];
  let ending: {error?: unknown} | undefined;
  let wanted: (() => void) | undefined;
  let hasBegun = false;
  let controller!: ReadableStreamDefaultController;

  const deliver = (): void => {
    if (arrived.length) {
      const chunk = arrived.shift();
      controller.enqueue(chunk);
      if (!ending) used.add(sizeOf(chunk));
    } else if (ending) {
      if ('error' in ending) controller.error(ending.error);
      else controller.close();
    } else return;
    wanted?.();
    wanted = undefined;
  };
  const value = new ReadableStream({
    start: own => void (controller = own),
    pull() {
      if (!hasBegun) {
        hasBegun = true;
        if (!ending) link.send(CREDIT, [0, 0]);
      }
      return new Promise<void>(resolve => {
        wanted = resolve;
        deliver();
      });
    },
    cancel(reason) {
      if (ending) return;
      ending = {};
      wanted?.();
      arrived.length = 0;
      sendLast(link, CANCEL, reason);
    }
  }, {highWaterMark: 0});
  const finish = (how: {error?: unknown}): void => {
    if (ending) return;
    ending = how;
    // An error is reported at once; an end only after all chunks before it were read.
    if ('error' in how) {
      arrived.length = 0;
      controller.error(how.error);
      wanted?.();
    } else if (!arrived.length) {
      controller.close();
      wanted?.();
    } else if (wanted) deliver();
  };
  return {
    value,
    end: {
      handle(what, chunk) {
        if (what === ITEM && !ending) {
          arrived.push(chunk);
          if (wanted) deliver();
        } else if (what === END || what === FAIL) {
          link.done();
          finish(what === END ? {} : {error: chunk});
        }
      },
      close: error => finish({error})
    }
  };
}

/** Writes what the other side sends to a stream of this side. */
export function writeHere(stream: WritableStream, link: FlowLink): FlowEnd {
  const writer = stream.getWriter();
  const used = new Used(link);
  let isOver = false;
  const fail = (error: unknown): void => {
    if (isOver) return;
    isOver = true;
    sendLast(link, FAIL, error);
  };
  writer.closed.catch(fail);
  return {
    handle(what, value) {
      if (isOver) return;
      if (what === ITEM) {
        const bytes = sizeOf(value);
        writer.write(value).then(() => isOver || used.add(bytes), fail);
      } else if (what === END) {
        writer.close().then(() => {
          isOver = true;
          sendLast(link, END);
        }, fail);
      } else if (what === FAIL) {
        isOver = true;
        link.done();
        writer.abort(value).catch(() => {});
      }
    },
    close(error) {
      isOver = true;
      if (error) writer.abort(error).catch(() => {});
      else writer.releaseLock();
    }
  };
}

/** A stream on this side that writes to one of the other side. */
export function writeThere(link: FlowLink): {end: FlowEnd; value: WritableStream} {
  const room = new Window(true);
  let controller!: WritableStreamDefaultController;
  let closing: {resolve(): void; reject(error: unknown): void} | undefined;
  let failed: {error: unknown} | undefined;
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = {error};
    controller.error(error);
    closing?.reject(error);
    room.wake();
  };
  const value = new WritableStream({
    start: own => void (controller = own),
    async write(chunk) {
      while (!room.hasRoom && !failed) await room.room();
      if (failed) throw failed.error;
      room.take(sizeOf(chunk));
      try {
        link.send(ITEM, chunk, true);
      } catch (error) {
        failed = {error};
        sendLast(link, FAIL, error);
        throw error;
      }
    },
    close: () => new Promise<void>((resolve, reject) => {
      if (failed) return reject(failed.error);
      closing = {resolve, reject};
      link.send(END);
    }),
    abort(reason) {
      failed ??= {error: reason};
      sendLast(link, FAIL, reason);
    }
  });
  return {
    value,
    end: {
      handle(what, payload) {
        if (what === CREDIT) room.give(payload);
        else if (what === END) {
          link.done();
          closing?.resolve();
        } else if (what === FAIL) {
          link.done();
          fail(payload);
        }
      },
      close: fail
    }
  };
}
