import {Connection} from 'sharedb/lib/client/index.js';
import {createConnection, type TabConnection} from '../../lib/index.js';

/** As an app would connect. Each namespace gets a worker of its own. */
export function connectTab(namespace: string, url: string): TabConnection {
  return createConnection({
    url, namespace, mode: 'shared-worker',
    sharedWorker: () => new SharedWorker(new URL('./worker.ts', import.meta.url), {type: 'module', name: namespace})
  });
}

/** ShareDB's own client on its own WebSocket. */
export function connectPlain(url: string): Connection {
  return new Connection(new WebSocket(url) as ConstructorParameters<typeof Connection>[0]);
}

export function connect({way, namespace, url}: {way: 'tabs' | 'plain'; namespace: string; url: string}): TabConnection | Connection {
  return way === 'tabs' ? connectTab(namespace, url) : connectPlain(url);
}

export function startRelay(): SharedWorker {
  return new SharedWorker(new URL('./relay-worker.ts', import.meta.url), {type: 'module', name: 'relay'});
}

export function startBareWorker(name: string): SharedWorker {
  return new SharedWorker(new URL('./bare-worker.ts', import.meta.url), {type: 'module', name});
}
