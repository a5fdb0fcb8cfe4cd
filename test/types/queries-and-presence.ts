import type {ProxyConnection, ProxyDoc} from 'sharedb-tabs';
import {exact} from './exact.js';
import type {Note} from './note.js';

declare const connection: ProxyConnection;

interface Place {
  index: number;
}

// ---- queries

const query = connection.createSubscribeQuery<Note>('notes', {color: 'red'}, null, (error, results, extra) => {
  if (error || !results) return;
  exact<ProxyDoc<Note>[]>()(results);
  exact<any>()(extra);
});
exact<ProxyDoc<Note>[]>()(query.results);
exact<string>()(query.results[0]!.data.title);
exact<any>()(query.extra);
exact<boolean>()(query.ready);
query.on('ready', () => {});
query.on('insert', (...args) => exact<[inserted: ProxyDoc<Note>[], index: number]>()(args));
query.on('remove', (...args) => exact<[removed: ProxyDoc<Note>[], index: number]>()(args));
query.on('move', (...args) => exact<[moved: ProxyDoc<Note>[], from: number, to: number]>()(args));
query.on('changed', docs => exact<ProxyDoc<Note>[]>()(docs));
query.on('extra', extra => exact<any>()(extra));
query.on('error', error => console.error(error.message));
query.destroy();
query.destroy(() => {});
// @ts-expect-error: there is no such event
query.on('inserted', () => {});

connection.createFetchQuery('notes', {});
connection.createFetchQuery('notes', {}, {db: 'mongo', custom: 5});
connection.createFetchQuery<Note>('notes', {}, {results: [connection.get<Note>('notes', 'one')]});
exact<any>()(connection.createFetchQuery('notes', {}).results[0]!.data);
// @ts-expect-error: what is to be asked is missing
connection.createFetchQuery('notes');

// ---- presence

const presence = connection.getPresence('room');
presence.subscribe(error => console.error(error));
presence.unsubscribe();
presence.on('receive', (...args) => exact<[id: string, value: any]>()(args));
presence.on('error', error => console.error(error));
exact<boolean>()(presence.subscribed);
exact<Record<string, any>>()(presence.remotePresences);
// @ts-expect-error: there is no such event
presence.on('received', () => {});

const local = presence.create('mine');
presence.create();
local.submit({index: 1} satisfies Place);
local.submit(null, error => console.error(error));
local.on('error', error => console.error(error));
local.destroy();
exact<string>()(local.presenceId);
presence.destroy(() => {});

const inDoc = connection.getDocPresence('notes', 'one');
inDoc.create('mine').submit({index: 1});
// @ts-expect-error: a document has an id
connection.getDocPresence('notes');
// @ts-expect-error: a channel has a name
connection.getPresence();
