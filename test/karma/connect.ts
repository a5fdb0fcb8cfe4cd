import {createConnection} from '../../lib/index.js';

/** The only place that names the workers, so that test page, iframes and windows load the same scripts. */
const workers = {
  good: (name: string) => new SharedWorker(new URL('./worker.ts', import.meta.url), {type: 'module', name}),
  throwing: (name: string) => new SharedWorker(new URL('./throwing-worker.ts', import.meta.url), {type: 'module', name}),
  missing: (name: string) => new SharedWorker('/no-such-worker.js', {type: 'module', name})
};

export interface TabOptions {
  url: string;
  namespace: string;
  worker?: keyof typeof workers;
  useSharedWorker?: boolean;
  hostTimeout?: number;
}

export type TabConnection = ReturnType<typeof createConnection>;

/** Connects the page that calls it, as an app would. */
export function connect({worker = 'good', ...options}: TabOptions): TabConnection {
  return createConnection({...options, sharedWorker: () => workers[worker](options.namespace)});
}
