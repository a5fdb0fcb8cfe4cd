import {webLocks} from '../../platform/threads.js';
import {currentRuntime, setCurrentRuntime} from './current.js';
import {ThreadRuntime} from './runtime.js';

interface WorkerScope {
  postMessage?(message: unknown, transfer?: readonly Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  importScripts?: unknown;
}

/** Makes this dedicated worker a thread. Has no effect in a page, which may import the same module. */
export function startThread(): void {
  const scope = globalThis as unknown as WorkerScope;
  // Only workers have `importScripts`; shared and service workers have no `postMessage`.
  if (currentRuntime() || !scope.importScripts || !scope.postMessage) return;
  const runtime = new ThreadRuntime({
    // The function is bound here, because a task may replace it.
    post: scope.postMessage.bind(scope),
    // "ready" is sent inside the callback, because the pool then requests the lock, and must not get it first.
    announce({lock}, ready) {
      const locks = webLocks();
      if (!locks) return ready();
      locks.request(lock, {}, () => {
        ready();
        return new Promise(() => {});
      }).catch(ready);
    }
  });
  setCurrentRuntime(runtime);
  scope.addEventListener('message', ({data}) => runtime.receive(data));
}
