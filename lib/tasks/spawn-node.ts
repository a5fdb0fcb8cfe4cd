import {builtin, nodeProcess, type NodeWorker, type WorkerThreads} from './node.js';
import type {ResourceLimits, Thread, ThreadEvents, Threads, ThreadScript} from './threads.js';
import {nodeThreadText} from './thread-text.js';

export const nodeThreads: Threads = {
  start: (script, limits, events) => new NodeThread(script, limits, events),
  importedScript(script) {
    if (script === undefined || typeof script === 'function') return undefined;
    if (script instanceof URL || /^[a-z][a-z\d+.-]+:/i.test(script)) return String(script);
    const {resolve} = builtin<{resolve(...paths: string[]): string}>('node:path');
    return builtin<{pathToFileURL(path: string): URL}>('node:url').pathToFileURL(resolve(nodeProcess!.cwd(), script)).href;
  },
  canShareMemory: true
};

/** The thread runs from text: so it needs no file, which a bundle would not have beside it. */
class NodeThread implements Thread {
  readonly #worker: NodeWorker;
  #error: unknown;
  #isKept = true;
  readonly #exited: Promise<void>;

  constructor(script: ThreadScript, resourceLimits: ResourceLimits | undefined, events: ThreadEvents) {
    const {Worker} = builtin<WorkerThreads>('node:worker_threads');
    this.#worker = typeof script === 'function'
      ? script() as NodeWorker
      : new Worker(nodeThreadText, {eval: true, ...(resourceLimits && {resourceLimits})});
    this.#worker.on('message', (message: never) => events.message(message));
    this.#worker.on('error', (error: unknown) => { this.#error = error; });
    this.#exited = new Promise(resolve => {
      this.#worker.on('exit', (exitCode: number) => {
        resolve();
        const isOutOfMemory = (this.#error as {code?: unknown} | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
        events.end({exitCode, isOutOfMemory, ...(this.#error !== undefined && {cause: this.#error})});
      });
    });
  }

  post(message: unknown, transfer?: readonly Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded === this.#isKept) return;
    this.#isKept = isNeeded;
    if (isNeeded) this.#worker.ref();
    else this.#worker.unref();
  }

  watch(): void {}

  async terminate(): Promise<void> {
    this.#worker.ref();
    void this.#worker.terminate();
    await this.#exited;
  }
}
