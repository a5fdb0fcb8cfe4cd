import {startWorker} from './peer.js';
import type {Service} from './service.js';

/** Messages with a number, which is the least that calls need. */
globalThis.peers['bare messages'] = {
  callbacks: false,
  connect(script) {
    const worker = startWorker(script);
    const waiting = new Map<number, (result: unknown) => void>();
    let last = 0;
    worker.onmessage = ({data: [id, result]}: MessageEvent<[number, unknown]>) => {
      waiting.get(id)!(result);
      waiting.delete(id);
    };
    const call = (name: string) => (...args: unknown[]) => new Promise<never>(resolve => {
      waiting.set(++last, resolve as (result: unknown) => void);
      worker.postMessage([last, name, args]);
    });
    return {add: call('add'), echo: call('echo')} as unknown as Service;
  }
};
