import {once} from 'node:events';
import {Worker} from 'node:worker_threads';

const answers = `const {parentPort} = require('node:worker_threads');
parentPort.on('message', message => parentPort.postMessage(message, message instanceof ArrayBuffer ? [message] : []));
parentPort.postMessage('ready');`;

/** Answers when it has imported a script, and then with the results of the script's function `empty`. */
const imports = `const {parentPort, workerData} = require('node:worker_threads');
import(workerData).then(({empty}) => {
  parentPort.on('message', () => parentPort.postMessage(empty()));
  parentPort.postMessage('ready');
});`;

const spins = `const {parentPort} = require('node:worker_threads');
parentPort.on('message', ms => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  parentPort.postMessage(undefined);
});
parentPort.postMessage('ready');`;

export interface BareWorker {
  /** One round trip at a time. */
  send(message: unknown): Promise<unknown>;
  close(): Promise<unknown>;
}

async function start(text: string, workerData?: unknown): Promise<BareWorker> {
  const worker = new Worker(text, {eval: true, workerData});
  await once(worker, 'message');
  let resolve: (value: unknown) => void = () => {};
  worker.on('message', message => resolve(message));
  return {
    send: message => new Promise(done => {
      resolve = done;
      worker.postMessage(message, message instanceof ArrayBuffer ? [message] : []);
    }),
    close: () => worker.terminate()
  };
}

/** A Worker from a text, as this library uses, with `postMessage` alone. It sends each message back. */
export const bareWorker = (): Promise<BareWorker> => start(answers);

/** The same for a Worker that imports a script, whose function it calls for each message. */
export const bareWorkerWith = (script: string): Promise<BareWorker> => start(imports, script);

/** Bare Workers that take the items of a list: each a next one when it is done with one. An item is a time to be busy, in ms. */
export async function bareSpinners(size: number): Promise<{map(items: readonly number[]): Promise<unknown>; close(): unknown}> {
  const workers = await Promise.all(Array.from({length: size}, () => start(spins)));
  return {
    map(items) {
      const waiting = items.values();
      return Promise.all(workers.map(async worker => { for (const ms of waiting) await worker.send(ms); }));
    },
    close: () => Promise.all(workers.map(worker => worker.close()))
  };
}
