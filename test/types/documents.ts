import type {ProxyConnection, ProxyDoc} from 'sharedb-tabs';
import type {Type} from 'sharedb/lib/sharedb.js';
import {exact} from './exact.js';
import type {Note} from './note.js';

declare const connection: ProxyConnection;
declare const source: object;

// ---- a document is typed by its data

const doc = connection.get<Note>('notes', 'one');
exact<ProxyDoc<Note>>()(doc);
exact<string>()(doc.data.title);
exact<string[]>()(doc.data.tags);
exact<any>()(connection.get('notes', 'one').data);
// @ts-expect-error: a note has no such field
doc.data.body;
// @ts-expect-error: a title is a string
doc.data.title = 5;
// @ts-expect-error: a document has an id
connection.get<Note>('notes');
// @ts-expect-error: ids are strings
connection.get<Note>('notes', 1);

exact<string>()(doc.id);
exact<string>()(doc.collection);
exact<number | null>()(doc.version);
exact<Type | null>()(doc.type);
exact<boolean>()(doc.subscribed);
exact<boolean>()(doc.paused);
exact<boolean>()(doc.hasPending());
exact<boolean>()(doc.hasWritePending());
exact<ProxyConnection>()(doc.connection);
doc.preventCompose = true;
doc.submitSource = true;
doc.pause();
doc.resume();
doc.flush();
// @ts-expect-error: the id stays
doc.id = 'two';
// @ts-expect-error: so does the connection
doc.connection = connection;

// ---- its methods, with every argument that may be left out

doc.create({title: '', tags: []});
doc.create({title: '', tags: []}, error => console.error(error));
doc.create({title: '', tags: []}, 'json0');
doc.create({title: '', tags: []}, 'json0', error => console.error(error));
doc.create({title: '', tags: []}, 'json0', {source});
doc.create({title: '', tags: []}, 'json0', {source}, error => console.error(error));
doc.create({title: '', tags: []}, null, null, () => {});
// @ts-expect-error: the tags are missing
doc.create({title: ''});
// @ts-expect-error: a type is named
doc.create({title: '', tags: []}, 5);

doc.submitOp([{p: ['title', 0], si: 'a'}]);
doc.submitOp([{p: ['title', 0], si: 'a'}], error => console.error(error));
doc.submitOp([{p: ['title', 0], si: 'a'}], {source});
doc.submitOp([{p: ['title', 0], si: 'a'}], {source}, error => console.error(error));
// @ts-expect-error: an op is missing
doc.submitOp();
// @ts-expect-error: there is no such option
doc.submitOp([], {sauce: source});

doc.del();
doc.del(error => console.error(error));
doc.del({source});
doc.del({source}, error => console.error(error));
doc.fetch(error => console.error(error));
doc.subscribe(error => console.error(error));
doc.unsubscribe(error => console.error(error));
doc.destroy(error => console.error(error));
doc.whenNothingPending(() => {});
// @ts-expect-error: a callback is a function
doc.fetch('done');

exact<Note>()(doc.toSnapshot().data);
doc.ingestSnapshot(doc.toSnapshot());
doc.ingestSnapshot({v: 1, type: 'json0', data: {title: '', tags: []}}, error => console.error(error));
doc.ingestSnapshot(null);
// @ts-expect-error: a snapshot has a version
doc.ingestSnapshot({data: {title: '', tags: []}});

// ---- its events

doc.on('load', (...args) => exact<[]>()(args));
doc.on('create', (...args) => exact<[source: any]>()(args));
doc.on('before op', (...args) => exact<[op: any, source: any, clientId: string]>()(args));
doc.on('op', (...args) => exact<[op: any, source: any, clientId: string]>()(args));
doc.on('before op batch', (...args) => exact<[op: any, source: any]>()(args));
doc.on('op batch', (...args) => exact<[op: any, source: any]>()(args));
doc.on('del', (...args) => exact<[data: Note, source: any]>()(args));
doc.on('error', error => exact<any>()(error));
doc.on('no write pending', () => {});
doc.on('nothing pending', () => {});
doc.on('destroy', () => {});
doc.once('del', ({title}) => exact<string>()(title)).off('op', () => {}).removeAllListeners('op').removeAllListeners();
exact<number>()(doc.listenerCount('op'));
// @ts-expect-error: there is no such event
doc.on('edit', () => {});
// @ts-expect-error: nor is this what `del` hands out
doc.on('del', (_data: string) => {});
