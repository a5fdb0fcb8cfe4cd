/** The connection of this tab. This is all the code that an app needs to share one socket. */
import richText from 'rich-text';
import client from 'sharedb/lib/client/index.js';
import {createConnection, type TabConnection} from 'sharedb-tabs';

// The tab also transforms and composes, so it needs the type, like the worker.
client.types.register(richText.type);

export function connect(): TabConnection {
  const query = new URLSearchParams(location.search);
  return createConnection({
    url: '/sharedb',
    // Bundlers look for exactly this expression, so it can't be moved into a helper.
    sharedWorker: () =>
      new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'}),
    allowFaults: true,
    useSharedWorker: !query.has('direct'),
    store: query.has('no-store') ? false : {durability: query.has('written') ? 'written' : 'delayed'},
    hostTimeout: Number(query.get('host-timeout')) || undefined
  });
}
