/* The script of a pool, from the library's sources. */
import {threadId} from 'node:worker_threads';
import {register} from 'tsx/esm/api';

register();
const api = await import('../../lib/tasks-thread-node.ts');
const {expose, isInThread, onEnd, transfer} = api;

expose({
  data: () => api.threadData,
  isInThread,
  thread: () => threadId,
  marked() {
    const buffer = new ArrayBuffer(8);
    kept = buffer;
    return transfer({buffer}, [buffer]);
  },
  keptBytes: () => kept.byteLength,
  tellEnd: port => onEnd(() => port.postMessage('ended'))
});
let kept;
