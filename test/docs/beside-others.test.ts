import {expect} from 'chai';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import richText from 'rich-text';
import Backend from 'sharedb';
import * as Y from 'yjs';
import {createConnection, type TabConnection} from '../../lib/index.js';
import {withIndexedDb} from '../store/disks.js';
import {Browser} from '../support/browser.js';
import {pageStorage} from '../support/page-storage.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';

Backend.types.register(richText.type);

describe('an app that uses another library with this one, as the migration page describes', () => {
  const scope = globalThis as {localStorage?: Storage; document?: unknown};
  let connection: TabConnection;
  let names: Set<string>;
  let items: Map<string, string>;
  const backend = new Backend();

  withIndexedDb();

  beforeEach(() => {
    names = new Set();
    items = new Map([['of another library', 'kept']]);
    scope.localStorage = pageStorage(items);
    // The library uses localStorage in pages.
    scope.document = {};
    const {channel, locks} = new Browser(new Random(1)).process();
    connection = createConnection(backend, {
      url: 'ws://unused.invalid', mode: 'elected-tab', warn() {},
      channel: name => {
        names.add(name);
        return channel(name);
      },
      locks: {
        request: (name: string, ...rest: unknown[]) => {
          names.add(name);
          return (locks!.request as (name: string, ...rest: unknown[]) => Promise<unknown>)(name, ...rest);
        }
      } as never
    });
  });
  afterEach(() => {
    connection.close();
    delete scope.localStorage;
    delete scope.document;
  });

  it('finds the names of this library to begin with its own, and `clear` to delete nothing else', async () => {
    const others = indexedDB.open('of another library');
    await new Promise(resolve => { others.onsuccess = resolve; });
    others.result.close();
    const doc = connection.get('notes', 'one');
    await doc.subscribe();
    if (!doc.type) await doc.create({text: 'a'});
    await connection.flushWrites();
    const databases = async (): Promise<string[]> => (await indexedDB.databases()).map(({name}) => name!);
    expect(await databases()).to.have.length.above(1);
    await connection.clear();
    for (const name of [...names, ...await databases(), ...items.keys()]) expect(name).to.match(/^(sharedb-tabs\b|of another library$)/);
    expect(names.size).to.be.above(2);
    expect(items.get('of another library')).to.equal('kept');
    expect(await databases()).to.include('of another library');
  });

  it('can take over the content of a Yjs document', async () => {
    const page = readFileSync(join(fileURLToPath(new URL('../..', import.meta.url)), 'docs/migration.md'), 'utf8');
    for (const call of ["doc.create(text.toDelta(), 'rich-text')", 'doc.create(map.toJSON())']) expect(page).to.include(call);
    const old = new Y.Doc();
    const text = old.getText('body');
    text.insert(0, 'bold and plain');
    text.format(0, 4, {bold: true});
    const map = old.getMap('settings');
    map.set('list', Y.Array.from([1, {two: 2}]));
    const [body, settings] = [connection.get('bodies', 'one'), connection.get('settings', 'one')];
    await Promise.all([body, settings].map(doc => doc.subscribe()));
    await body.create(text.toDelta(), 'rich-text');
    await settings.create(map.toJSON());
    const saved = backend.connect().get('bodies', 'one');
    await until('the server has it', () => new Promise<boolean>(resolve => saved.fetch(() => resolve(!!saved.type))));
    expect(saved.data.ops).to.eql([{insert: 'bold', attributes: {bold: true}}, {insert: ' and plain'}]);
    expect(settings.data).to.eql({list: [1, {two: 2}]});
  });
});
