import {once} from 'node:events';
import {Worker} from 'node:worker_threads';

/** A request to the host's thread: see `host-worker.mjs`. `pause` is in ms, `heap` in MB, and `history` counts entries. */
type Question = 'start' | 'restart' | 'pause' | 'heap' | 'history';

/** A host in another thread, for the tabs of this one. */
export class HostThread {
  private count = 0;
  private readonly worker: Worker;

  /** @param url of the ShareDB server */
  constructor(namespace: string, url: string) {
    this.worker = new Worker(new URL('./host-worker.mjs', import.meta.url), {workerData: {namespace, url}});
    this.worker.setMaxListeners(0);
  }

  async ask(ask: Question): Promise<number> {
    const n = ++this.count;
    this.worker.postMessage({n, ask});
    for (;;) {
      const [message] = await once(this.worker, 'message') as [{n: number; answer: number}];
      if (message.n === n) return message.answer;
    }
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}
