import {builtin, nodeProcess, type WorkerThreads} from '../node.js';
import {currentRuntime, setCurrentRuntime} from './current.js';
import {ThreadRuntime} from './runtime.js';

/** Makes this worker a thread. No effect in the main thread: a module may be shared with it. */
export function startThread(): void {
  const {parentPort: port, threadId} = builtin<WorkerThreads>('node:worker_threads');
  if (currentRuntime() || !port || threadId === 0) return;
  const runtime = new ThreadRuntime({
    post: (message, transfer) => port.postMessage(message, transfer),
    announce: (_lock, ready) => ready(),
    heap: () => nodeProcess!.memoryUsage().heapUsed
  });
  setCurrentRuntime(runtime);
  // Without a listener, a late error of one task would end the thread, and with it the next task.
  nodeProcess!.on('uncaughtException', error => runtime.report(error));
  port.on('message', message => runtime.receive(message));
}
