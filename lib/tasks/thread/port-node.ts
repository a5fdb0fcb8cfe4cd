import {builtin, nodeProcess, type WorkerThreads} from '../node.js';
import {encodeError} from '../error-transfer.js';
import type {FromThread} from '../messages.js';
import {currentRuntime, setCurrentRuntime} from './current.js';
import {ThreadRuntime} from './runtime.js';

/** Makes this worker a thread. Has no effect in the main thread, which may import the same module. */
export function startThread(): void {
  const {parentPort: port, threadId} = builtin<WorkerThreads>('node:worker_threads');
  if (currentRuntime() || !port || threadId === 0) return;
  let reportsHeap = false;
  const post = (message: FromThread, transfer?: readonly Transferable[]): void => {
    if (reportsHeap && (message.$ === 'done' || message.$ === 'fail')) message.heap = nodeProcess!.memoryUsage().heapUsed;
    port.postMessage(message, transfer);
  };
  const runtime = new ThreadRuntime({
    post,
    async announce({script, heap}, ready) {
      reportsHeap = heap;
      try {
        const module: object = script ? await import(script) : {};
        for (const [name, value] of Object.entries(module)) if (typeof value === 'function') runtime.exposed[name] ??= value as (...args: unknown[]) => unknown;
      } catch (error) {
        return post({$: 'failed', error: encodeError(error)});
      }
      ready();
    }
  });
  setCurrentRuntime(runtime);
  // Without a listener, a late error of one task would end the thread, together with the next task.
  nodeProcess!.on('uncaughtException', error => runtime.report(error));
  port.on('message', message => runtime.receive(message));
}
