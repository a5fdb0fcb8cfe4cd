import {Connection} from 'sharedb/lib/client/index.js';
import {createConnection, type TabConnection} from '../../lib/index.js';
import {PortSocket} from './port-socket.js';

/**
 * - `stored`: a tab that shows the stored state first.
 * - `answered`: ShareDB's own client, with a worker that answers it from a plain store.
 * - `relayed`: ShareDB's own client, with a worker that has the WebSocket.
 */
export type Way = 'tabs' | 'stored' | 'plain' | 'answered' | 'relayed';

/** Each namespace gets a worker of its own. */
export function startWorker(namespace: string): SharedWorker {
  return new SharedWorker(new URL('./worker.ts', import.meta.url), {type: 'module', name: namespace});
}

/** Connects as an app does. */
export function connectTab(namespace: string, url: string, storedFirst = false): TabConnection {
  return createConnection({
    url, namespace, storedFirst, mode: 'shared-worker',
    sharedWorker: () => startWorker(namespace)
  });
}

/** ShareDB's own client on its own WebSocket. */
export function connectPlain(url: string): Connection {
  return new Connection(new WebSocket(url) as ConstructorParameters<typeof Connection>[0]);
}

function connectAnswered(name: string): Connection {
  const {port} = new SharedWorker(new URL('./answering-worker.ts', import.meta.url), {type: 'module', name});
  return new Connection(new PortSocket(port) as unknown as ConstructorParameters<typeof Connection>[0]);
}

function connectRelayed(url: string): Connection {
  const {port} = new SharedWorker(new URL('./socket-worker.ts', import.meta.url), {type: 'module', name: url});
  return new Connection(new PortSocket(port) as unknown as ConstructorParameters<typeof Connection>[0]);
}

export function connect({way, namespace, url}: {way: Way; namespace: string; url: string}): TabConnection | Connection {
  switch (way) {
    case 'tabs':
      return connectTab(namespace, url);
    case 'stored':
      return connectTab(namespace, url, true);
    case 'plain':
      return connectPlain(url);
    case 'answered':
      return connectAnswered(namespace);
    case 'relayed':
      return connectRelayed(url);
  }
}

export function startRelay(): SharedWorker {
  return new SharedWorker(new URL('./relay-worker.ts', import.meta.url), {type: 'module', name: 'relay'});
}

export function startBareWorker(name: string): SharedWorker {
  return new SharedWorker(new URL('./bare-worker.ts', import.meta.url), {type: 'module', name});
}
