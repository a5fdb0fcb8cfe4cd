import {startRelay} from './connect.js';
import {pause} from './now.js';
import type {Relayed} from './relay-worker.js';

let worker: SharedWorker | undefined;

/** Starts a shared worker that does nothing until it gets a message. */
export function startIdleWorker(): void {
  worker = startRelay();
  worker.port.start();
}

/** Makes the worker put `count` records into IndexedDB, evenly over `ms` milliseconds. */
export async function putSteadily(count: number, ms: number): Promise<void> {
  const start = performance.now();
  for (let n = 0; n < count; n++) {
    await pause(start + (n * ms) / count - performance.now());
    worker!.port.postMessage({n, record: '{"p":["n"],"na":1}'.padEnd(150)} satisfies Relayed);
  }
  await pause(start + ms - performance.now());
}
