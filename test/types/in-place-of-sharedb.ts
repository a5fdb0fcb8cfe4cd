import Backend from 'sharedb';
import type {ProxyConnection, ProxyDoc, TabConnection} from 'sharedb-tabs';
import type {Connection, Doc, LocalPresence, Presence, Query} from 'sharedb/lib/client/index.js';
import type {Note} from './note.js';

/** Code that was written for ShareDB's own types. */
declare function takesConnection(connection: Connection): void;
declare function takesDoc(doc: Doc): void;
declare function takesNote(doc: Doc<Note>): void;
declare function takesQuery(query: Query<Note>): void;
declare function takesPresence(presence: Presence, local: LocalPresence): void;

declare const proxy: ProxyConnection;
declare const tab: TabConnection;

takesConnection(proxy);
takesConnection(tab);
takesDoc(proxy.get('notes', 'one'));
takesDoc(proxy.get<Note>('notes', 'one'));
takesNote(proxy.get<Note>('notes', 'one'));
takesNote(proxy.get('notes', 'one'));
takesQuery(proxy.createSubscribeQuery<Note>('notes', {}));
takesPresence(proxy.getPresence('room'), proxy.getPresence('room').create());
takesPresence(proxy.getDocPresence('notes', 'one'), proxy.getDocPresence('notes', 'one').create());
new Backend().connect(proxy);
// @ts-expect-error: these are other data
takesNote(proxy.get<{body: number}>('notes', 'one'));

const connection: Connection = proxy;
const doc: Doc<Note> = proxy.get<Note>('notes', 'one');
const docs: Doc<Note>[] = [doc, proxy.get<Note>('notes', 'two')];
connection.get('notes', 'one').submitOp([], {source: 'here'}, error => console.error(error.message));

/** A binding as one is written: over a document, its events and its data. */
class Binding {
  constructor(readonly doc: Doc<Note>) {
    doc.on('op', (op, source) => this.apply(op, source));
    doc.subscribe(error => { if (!error) this.apply([doc.data], false); });
  }
  apply(_op: unknown, _source: unknown): void {}
}
new Binding(proxy.get<Note>('notes', 'one'));

export {docs};

/** And the other way round: what takes the proxy's document need not take ShareDB's. */
declare function takesProxy(doc: ProxyDoc<Note>): void;
// @ts-expect-error: ShareDB's own has no promises
takesProxy(doc);
