/** An app in TypeScript, to be compiled against the installed package. */
export const typedApp = `
import {createConnection} from 'sharedb-tabs';
import {startHost} from 'sharedb-tabs/worker';
import {Host} from 'sharedb-tabs/host';

const connection = createConnection({
  url: 'wss://example.com/sharedb',
  namespace: 'user',
  sharedWorker: () => new SharedWorker(new URL('./worker.js', import.meta.url), {type: 'module', name: 'sharedb'}),
  hostTimeout: 5000
});
const mode: 'shared-worker' | 'elected-tab' | 'direct' | undefined = connection.mode;
connection.on('mode', () => {});
const {tabs, pendingOps}: {tabs: number; pendingOps: number} = connection.status;
const doc = connection.get('documents', 'one');
doc.subscribe(error => {
  if (!error) doc.submitOp([{p: ['title', 0], si: 'a'}], {source: 'app'});
});
const state: string = connection.state;
connection.close();

// @ts-expect-error: the server's address is no number
createConnection({url: 8080});
// @ts-expect-error: not a mode
createConnection({url: 'wss://example.com', mode: 'sometimes'});
// @ts-expect-error: something must say where the server is
createConnection();
// @ts-expect-error: there is no such option
createConnection({url: 'wss://example.com', nameSpace: 'user'});
// @ts-expect-error: a member for the library alone is not in the declarations
connection.handleMessage({});
// @ts-expect-error: a member for the library alone is not in the declarations
doc.wantSubscribe;
// ShareDB's own types have these members, so they are in the declarations.
const typedByShareDB: [number, number, number] = [connection.seq, connection.nextQueryId, connection.nextSnapshotRequestId];

export {typedByShareDB, Host, startHost, mode, tabs, pendingOps, state};
`;
