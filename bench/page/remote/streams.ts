import {wrap} from '../../../lib/remote.js';
import type {StreamReader} from './streams-worker.js';
import {startWorker} from './peer.js';

const CHUNK = 64 * 1024;

/** MB/s of a stream of chunks that a worker reads, with calls and with the browser's own transfer of streams. */
export async function streamRates(script: string, {rounds, megabytes}: {rounds: number; megabytes: number}): Promise<Record<string, number[]>> {
  const worker = startWorker(script);
  const reader = wrap<StreamReader>(worker, {name: 'calls'});
  const bytes = megabytes * 1e6;
  const native = (stream: ReadableStream): Promise<number> => new Promise(resolve => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = ({data}) => {
      resolve(data as number);
      port1.close();
    };
    worker.postMessage({stream, port: port2}, [stream as unknown as Transferable, port2]);
  });
  const ways: Record<string, (stream: ReadableStream) => PromiseLike<number>> = {calls: stream => reader.size(stream), native};
  const rates: Record<string, number[]> = {calls: [], native: []};
  for (let round = -1; round < rounds; round++) {
    for (const [name, read] of Object.entries(ways)) {
      const start = performance.now();
      const size = await read(source(bytes));
      const ms = performance.now() - start;
      if (size !== bytes) throw new Error(`${name}: ${size} bytes, not ${bytes}`);
      if (round >= 0) rates[name]!.push(bytes / 1000 / ms);
    }
  }
  worker.terminate();
  return rates;
}

function source(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      const size = Math.min(CHUNK, left);
      if ((left -= size) >= 0 && size) controller.enqueue(new Uint8Array(size));
      if (!left) controller.close();
    }
  });
}
