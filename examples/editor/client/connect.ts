/** The connection of this tab. All that an app has to write to share one socket is in here. */
import richText from 'rich-text';
import client from 'sharedb/lib/client/index.js';
import {createConnection, type TabConnection} from 'sharedb-tabs';

// The tab transforms and composes too, so it has to know the type as well as the worker does.
client.types.register(richText.type);

export function connect(): TabConnection {
  const query = new URLSearchParams(location.search);
  return createConnection({
    url: '/sharedb',
    // Bundlers look for exactly this expression, so it cannot be moved into a helper of ours.
    sharedWorker: () =>
      new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'}),
    allowFaults: true,
    useSharedWorker: !query.has('direct'),
    store: query.has('no-store') ? false : {durability: query.has('delayed') ? 'delayed' : 'relaxed'},
    hostTimeout: Number(query.get('host-timeout')) || undefined
  });
}
