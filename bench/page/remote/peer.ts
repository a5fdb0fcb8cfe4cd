import type {Callback, Service} from './service.js';

/** A library, as the page uses it. */
export interface Peer {
  /** Starts a worker, and returns what it exposes. */
  connect(script: string): Service | PromiseLike<Service>;
  /** False if it can't pass functions. */
  callbacks?: boolean;
  /** Marks a function that is passed by reference. */
  callback?(callback: Callback): Callback;
  /** Three calls, each with the result of the one before. Without it, each one is awaited. */
  chain?(service: Service): PromiseLike<number>;
}

declare global {
  var peers: Record<string, Peer>;
}

globalThis.peers ??= {};

export const startWorker = (script: string): Worker => new Worker(script, {type: 'module'});

/** For libraries that take the result of a call as an argument before it is there. */
export function nestedChain(service: Service): PromiseLike<number> {
  const {add} = service as unknown as Record<string, (a: unknown, b: unknown) => PromiseLike<number>>;
  return add!(add!(add!(1, 2), 3), 4);
}
