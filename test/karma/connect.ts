import {createConnection, type ConnectOptions} from '../../lib/index.js';
import {services} from './counting-service.js';

/** The only place that names the workers, so that test page, iframes and windows load the same scripts. */
const sharedWorkers = {
  good: (name: string) => new SharedWorker(new URL('./worker.ts', import.meta.url), {type: 'module', name}),
  older: (name: string) => new SharedWorker(new URL('./older-worker.ts', import.meta.url), {type: 'module', name}),
  newer: (name: string) => new SharedWorker(new URL('./newer-worker.ts', import.meta.url), {type: 'module', name}),
  withoutLocks: (name: string) => new SharedWorker(new URL('./worker-without-locks.ts', import.meta.url), {type: 'module', name}),
  failing: (name: string) => new SharedWorker(new URL('./failing-worker.ts', import.meta.url), {type: 'module', name}),
  forgetful: (name: string) => new SharedWorker(new URL('./forgetful-worker.ts', import.meta.url), {type: 'module', name}),
  empty: (name: string) => new SharedWorker('data:text/javascript,//nothing', {type: 'module', name}),
  throwing: (name: string) => new SharedWorker(new URL('./throwing-worker.ts', import.meta.url), {type: 'module', name}),
  missing: (name: string) => new SharedWorker('/no-such-worker.js', {type: 'module', name}),
  forbidden: (): SharedWorker => { throw new DOMException('The page may not have a worker', 'SecurityError'); }
};

const ownWorkers = {
  good: (name: string) => new Worker(new URL('./worker.ts', import.meta.url), {type: 'module', name}),
  older: (name: string) => new Worker(new URL('./older-worker.ts', import.meta.url), {type: 'module', name}),
  newer: (name: string) => new Worker(new URL('./newer-worker.ts', import.meta.url), {type: 'module', name}),
  slow: (name: string) => new Worker(new URL('./slow-worker.ts', import.meta.url), {type: 'module', name}),
  throwing: (name: string) => new Worker(new URL('./throwing-worker.ts', import.meta.url), {type: 'module', name}),
  missing: (name: string) => new Worker('/no-such-worker.js', {type: 'module', name})
};

export interface TabOptions extends Pick<ConnectOptions, 'mode' | 'build' | 'store' | 'useSharedWorker' | 'hostTimeout' | 'warn'> {
  url: string;
  namespace: string;
  /** The script of the shared worker. */
  worker?: keyof typeof sharedWorkers;
  /** The script of the worker that the tab starts when it is elected. Default: none, so the page is the host. */
  ownWorker?: keyof typeof ownWorkers;
  /** The features that are removed from the page's browser. */
  without?: ('SharedWorker' | 'locks')[];
}

export type TabConnection = ReturnType<typeof createConnection>;

/** Connects the page that calls it, as an app would. */
export function connect({worker = 'good', ownWorker, without = [], ...options}: TabOptions): TabConnection {
  for (const what of without) Object.defineProperty(what === 'locks' ? navigator : window, what, {value: undefined});
  return createConnection({
    ...options,
    services,
    sharedWorker: () => sharedWorkers[worker](options.namespace),
    worker: ownWorker && (() => ownWorkers[ownWorker](options.namespace))
  });
}
