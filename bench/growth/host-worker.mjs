/* A host in a thread of its own, as in a shared worker. Its storage outlives it, so that another host can start. */
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {parentPort, workerData} from 'node:worker_threads';
import {register} from 'tsx/esm/api';
import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket} from 'ws';

register();
const {Host, InMemoryStorage} = await import('../../lib/host.ts');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const {namespace, url} = workerData;
const storage = new InMemoryStorage();
let host;

const start = () => new Promise(resolve => {
  host = new Host({
    namespace, connection: new Connection(new WebSocket(url)), place: 'shared-worker', store: {storage}, warn: () => {}, onOpen: () => resolve()
  });
});

/** The longest time that the thread was busy without a break since the last request for it, in ms. */
let pause = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  pause = Math.max(pause, now - last);
  last = now;
}, 1);

const answers = {
  start,
  async restart() {
    host.close();
    await host.whenClosed;
    await start();
  },
  pause() {
    const longest = pause;
    pause = 0;
    return longest;
  },
  heap() {
    collectGarbage();
    return process.memoryUsage().heapUsed / 2 ** 20;
  },
  history: () => Math.max(0, ...host.inspect().docList.map(doc => doc.history))
};

parentPort.on('message', async ({n, ask}) => parentPort.postMessage({n, answer: await answers[ask]()}));
