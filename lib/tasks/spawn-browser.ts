import {webLocks} from '../platform/threads.js';
import type {Thread, ThreadEvents, Threads, ThreadScript} from './threads.js';
import {browserThreadText} from './thread-text.js';

export const browserThreads: Threads = {
  start: (script, _limits, events) => new BrowserThread(script, events),
  importedScript: () => undefined,
  get canShareMemory() {
    return (globalThis as {crossOriginIsolated?: boolean}).crossOriginIsolated === true;
  }
};

class BrowserThread implements Thread {
  readonly #worker: Worker;
  #blobUrl: string | undefined;
  readonly #unwatch = new AbortController();
  #isEnded = false;

  constructor(script: ThreadScript, private readonly events: ThreadEvents) {
    // Firefox 153 has `Worker` in shared workers. In a worker, `new Worker` waits for the debugger service of the browser; under load, about one
    // call in fourteen never returned. A page can end a dedicated worker then. Nobody can end a shared one: it blocks every page that joins it.
    if (typeof Worker !== 'function' || 'SharedWorkerGlobalScope' in globalThis) {
      throw new Error('Shared and service workers have no threads: Chromium and WebKit have no Worker there, and Firefox may block a shared worker for good when it starts one. Pools live in pages and dedicated workers');
    }
    this.#worker = this.#start(script);
    // This keeps a listener of the app, such as `onmessage` of the worker that `script()` returns.
    this.#worker.addEventListener('message', ({data}) => events.message(data));
    this.#worker.addEventListener('error', event => {
      // Otherwise the page's own `error` listeners get the error, too.
      event.preventDefault();
      events.error(event.error ?? (event.message === undefined ? undefined : new Error(event.message)));
    });
    this.#worker.addEventListener('messageerror', () => events.error(new Error('A message could not be read')));
  }

  #start(script: ThreadScript): Worker {
    if (typeof script === 'function') return script() as Worker;
    if (script !== undefined) return new Worker(script, {type: 'module'});
    this.#blobUrl = URL.createObjectURL(new Blob([browserThreadText], {type: 'text/javascript'}));
    try {
      return new Worker(this.#blobUrl);
    } catch (error) {
      this.#revoke();
      throw error;
    }
  }

  post(message: unknown, transfer?: readonly Transferable[]): void {
    if (transfer?.length) this.#worker.postMessage(message, [...transfer]);
    else this.#worker.postMessage(message);
  }

  keepAlive(): void {}

  /** `self.close()` and crashes fire no event, but release the thread's lock. */
  watch(lock: string): void {
    this.#revoke();
    webLocks()?.request(lock, {signal: this.#unwatch.signal}, () => {
      if (!this.#isEnded) this.events.end({});
    }).catch(() => {});
  }

  async terminate(): Promise<void> {
    this.#isEnded = true;
    this.#unwatch.abort();
    this.#revoke();
    this.#worker.terminate();
  }

  #revoke(): void {
    if (this.#blobUrl) URL.revokeObjectURL(this.#blobUrl);
    this.#blobUrl = undefined;
  }
}
