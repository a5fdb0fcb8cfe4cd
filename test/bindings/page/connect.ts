import * as json1 from 'ot-json1';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import {createConnection} from '../../../lib/index.js';

types.register(richText.type);
types.register(json1.type);

/** What the test wants: the name of a binding, and the URL of the ShareDB server. */
export const query = new URLSearchParams(location.search);

/** The tab's connection. No binding knows that it is not ShareDB's own. */
export const connection = createConnection({
  url: query.get('server')!,
  mode: 'shared-worker',
  sharedWorker: () => new SharedWorker(new URL('./worker.ts', import.meta.url), {type: 'module', name: 'bindings'})
});
