import {
  createConnection, ERROR_CODES, ProxyConnection, TabsError,
  type ConnectOptions, type Mode, type ProxyDoc, type Status, type TabConnection
} from 'sharedb-tabs';
import {Host} from 'sharedb-tabs/host';
import {startHost} from 'sharedb-tabs/worker';
import Backend from 'sharedb';
import {exact} from './exact.js';
import type {Note} from './note.js';

declare const socket: WebSocket;
declare const worker: SharedWorker;
declare const options: ConnectOptions;

// ---- createConnection

const connection = createConnection({
  url: 'wss://example.com/sharedb',
  namespace: 'user',
  sharedWorker: () => new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'}),
  useSharedWorker: true,
  mode: 'auto',
  hostTimeout: 5000,
  channel: name => new BroadcastChannel(name),
  locks: navigator.locks,
  warn: (message, detail) => console.warn(message, detail)
});
exact<TabConnection>()(connection);
exact<TabConnection>()(createConnection(options));
exact<TabConnection>()(createConnection(new Backend()));
exact<TabConnection>()(createConnection(socket, {namespace: 'user'}));
exact<TabConnection>()(createConnection(() => socket, {mode: 'direct'}));
createConnection({url: () => 'wss://example.com'});
createConnection({url: async () => 'wss://example.com'});
createConnection({url: 'wss://example.com', sharedWorker: undefined, namespace: undefined});

// @ts-expect-error: a url is a string, or gives one
createConnection({url: 5});
// @ts-expect-error: a worker is made when it is needed
createConnection({url: 'wss://example.com', sharedWorker: worker});
// @ts-expect-error: there is no such mode
createConnection({url: 'wss://example.com', mode: 'sometimes'});
// @ts-expect-error: a namespace is a string
createConnection({url: 'wss://example.com', namespace: 5});
// @ts-expect-error: there is no such option
createConnection({url: 'wss://example.com', nameSpace: 'user'});
// @ts-expect-error: times are numbers
createConnection({url: 'wss://example.com', hostTimeout: '5s'});
// @ts-expect-error: this serves no connection
createConnection(5);
// @ts-expect-error: something must say where the server is
createConnection();

// ---- the connection

exact<string>()(connection.state);
exact<boolean>()(connection.canSend);
exact<string | null>()(connection.id);
exact<'connecting' | 'connected' | 'lost' | 'closed'>()(connection.hostState);
exact<Mode | undefined>()(connection.mode);
exact<Status>()(connection.status);
exact<number>()(connection.status.pendingOps);
exact<(Error & {code?: string | number}) | undefined>()(connection.status.lastError);
exact<boolean>()(connection.hasPending());
exact<boolean>()(connection.hasWritePending());
connection.whenNothingPending(() => {});
connection.startBulk();
connection.endBulk();
connection.ping();
connection.debug = true;
connection.close();
// @ts-expect-error: the host's state is read
connection.hostState = 'connected';

for (const state of ['connecting', 'connected', 'disconnected', 'closed', 'stopped'] as const) {
  connection.on(state, reason => exact<any>()(reason));
}
connection.on('state', (...args) => exact<[state: any, reason: any]>()(args));
connection.on('doc', doc => exact<any>()(doc));
connection.on('error', error => exact<any>()(error));
connection.on('connection error', error => exact<any>()(error));
connection.on('receive', request => exact<{data: any}>()(request));
connection.on('send', message => exact<any>()(message));
connection.on('pong', () => {});
connection.on('hostState', state => exact<'connecting' | 'connected' | 'lost' | 'closed'>()(state));
connection.on('status', status => exact<Status>()(status));
connection.on('mode', (...args) => exact<[mode: Mode, reason: string]>()(args));
connection.on('updateneeded', protocol => exact<number>()(protocol));
// @ts-expect-error: there is no such event
connection.on('reconnected', () => {});

// ---- snapshots

connection.fetchSnapshot('notes', 'one', 5, (error, snapshot) => {
  if (error) return;
  exact<string>()(snapshot.id);
  exact<number>()(snapshot.v);
  exact<string | null>()(snapshot.type);
  exact<any>()(snapshot.data);
});
connection.fetchSnapshot('notes', 'one', null, () => {});
connection.fetchSnapshotByTimestamp('notes', 'one', Date.now(), () => {});
// @ts-expect-error: a version is a number
connection.fetchSnapshot('notes', 'one', 'five', () => {});
// @ts-expect-error: a snapshot is for a callback
connection.fetchSnapshot('notes', 'one', 5);

// ---- in-process

const proxy = new ProxyConnection({channel: name => new BroadcastChannel(name), namespace: 'user'});
exact<ProxyDoc<Note>>()(proxy.get<Note>('notes', 'one'));
const host = new Host({connection: new Backend().connect(), channel: name => new BroadcastChannel(name)});
host.close();
// @ts-expect-error: a host has a connection
new Host({});
// @ts-expect-error: a channel is opened by name
new ProxyConnection({channel: new BroadcastChannel('notes')});

startHost();
startHost({url: 'wss://example.com', namespace: 'user', types: []});
// @ts-expect-error: types are OT types
startHost({types: ['rich-text']});

// ---- errors

const error = new TabsError('ERR_TABS_NO_HOST', 'none');
exact<keyof typeof ERROR_CODES>()(error.code);
exact<'ERR_TABS_NO_HOST'>()(ERROR_CODES.ERR_TABS_NO_HOST);
// @ts-expect-error: there is no such code
new TabsError('ERR_UNHEARD_OF', 'none');
