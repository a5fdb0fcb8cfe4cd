import {Used, Window, sizeOf} from './credits.js';
import {CREDIT, END, FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';
import {Incoming, sendItems} from './items.js';

/** Sends the chunks of a stream of this side. */
export function localReadable(stream: ReadableStream, link: FlowLink): FlowEnd {
  const reader = stream.getReader();
  const {handle, close} = sendItems(link, () => ({next: () => reader.read(), return: reason => reader.cancel(reason)}), true);
  return {
    handle,
    close(error) {
      close(error);
      // A stream is cancelled even if nobody has begun to read it.
      if (error) reader.cancel(error).catch(() => {});
      else reader.releaseLock();
    }
  };
}

/** A stream on this side with chunks from the other side. */
export function remoteReadable(link: FlowLink): {end: FlowEnd; value: ReadableStream} {
  const incoming = new Incoming(link, true);
  let controller!: ReadableStreamDefaultController;
  const value = new ReadableStream({
    start: own => void (controller = own),
    async pull() {
      const {done, value: chunk} = await incoming.next();
      if (done) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: async reason => void await incoming.return(undefined, reason)
  }, {highWaterMark: 0});
  return {
    value,
    end: {
      handle(what, chunk) {
        incoming.handle(what, chunk);
        // An end is reported after all chunks before it were read, an error at once.
        if (what === FAIL) controller.error(chunk);
      },
      close(error) {
        incoming.close(error!);
        controller.error(error);
      }
    }
  };
}

/** Writes what the other side sends to a stream of this side. */
export function localWritable(stream: WritableStream, link: FlowLink): FlowEnd {
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
export function remoteWritable(link: FlowLink): {end: FlowEnd; value: WritableStream} {
  const room = new Window();
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
      while (!room.hasRoom && !failed) await room.changed();
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
