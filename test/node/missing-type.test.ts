import {expect} from 'chai';
import Backend from 'sharedb';
import {types, type Connection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';

/** Tab, host and server share one type registry in this process. The side that lacks the type uses a registry of its own. */
const note = {
  name: 'note-type',
  uri: 'https://example.org/types/note',
  create: (data: unknown) => data,
  apply: (data: {text: string}, op: {add: string}) => ({text: data.text + op.add}),
  transform: (op: unknown) => op
};

const CODE = 'ERR_DOC_TYPE_NOT_RECOGNIZED';

describe('an OT type that the host does not know', () => {
  let backend: Backend;
  let storage: InMemoryStorage;
  let channel: ReturnType<typeof memoryChannels>;
  let real: Connection;
  let host: Host;
  let connection: ProxyConnection;
  let warnings: string[];

  beforeEach(async () => {
    backend = new Backend();
    storage = new InMemoryStorage();
    channel = memoryChannels();
    warnings = [];
    register();
    await create('one');
    startHost();
  });
  afterEach(() => {
    connection.close();
    host.close();
    register();
  });

  const register = (): void => types.register(note as never);

  /** The server keeps the document in memory and uses the type registry only for ops. */
  function forget(): void {
    for (const name of [note.name, note.uri]) delete (types.map as Record<string, unknown>)[name];
  }

  function startHost(): void {
    real = backend.connect() as unknown as Connection;
    host = new Host({connection: real, channel, store: {storage}, warn: (message: string) => warnings.push(message)});
    connection = new ProxyConnection({channel, warn: (message: string) => warnings.push(message)});
  }

  async function restartHost(): Promise<void> {
    connection.close();
    await calm();
    host.close();
    real.close();
    await calm();
    startHost();
  }

  async function create(id: string, data: unknown = {text: 'a'}): Promise<void> {
    const doc = backend.connect().get('notes', id);
    await new Promise<void>((resolve, reject) => doc.create(data as never, note.uri, error => (error ? reject(error as unknown as Error) : resolve())));
  }

  function open(id = 'one'): {doc: ProxyDoc; errors: {code?: string; message: string}[]} {
    const doc = connection.get('notes', id);
    const errors: {code?: string; message: string}[] = [];
    doc.on('error', error => errors.push(error as never));
    return {doc, errors};
  }

  const errorOf = (completion: PromiseLike<unknown>): Promise<{code?: string; message: string} | undefined> => (
    Promise.resolve(completion.then(() => undefined, (error: {code?: string; message: string}) => error))
  );

  function expectNamed({code, message}: {code?: string; message: string}, id = 'one'): void {
    expect(code).to.equal(CODE);
    expect(message).to.include(note.uri).and.to.include(`notes.${id}`).and.to.include('startHost({types');
  }

  async function expectAllIsWell(id = 'one'): Promise<void> {
    register();
    await restartHost();
    const {doc, errors} = open(id);
    await doc.subscribe();
    await until('it is there', () => !!doc.type);
    await doc.submitOp({add: 'b'});
    expect([doc.data, errors]).to.eql([{text: 'ab'}, []]);
    const remote = backend.connect().get('notes', id);
    await new Promise<void>(resolve => remote.fetch(() => resolve()));
    expect(remote.data).to.eql({text: 'ab'});
  }

  for (const how of ['subscribe', 'fetch'] as const) {
    it(`is an error of ${how}, and is reported once in the console; nothing is stored, and with the type everything works`, async () => {
      forget();
      const {doc, errors} = open();
      expectNamed((await errorOf(doc[how]()))!);
      expectNamed((await errorOf(doc[how]()))!);
      expect([doc.data, doc.version, doc.type, errors]).to.eql([undefined, null, null, []]);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include(note.uri).and.to.include('notes.one').and.to.include('startHost({types');
      await connection.flushWrites();
      expect(await storage.inventory()).to.eql([]);
      await expectAllIsWell();
    });
  }

  it('is one error event of a document that nobody waits for', async () => {
    forget();
    const {doc, errors} = open();
    doc.subscribe();
    await until('it is told', () => errors.length > 0);
    await calm();
    expect(errors).to.have.length(1);
    expectNamed(errors[0]!);
  });

  it('is one error event of a document in the results of a query, which has its other results', async () => {
    await new Promise<void>(resolve => backend.connect().get('notes', 'two').create({a: 1}, () => resolve()));
    forget();
    const {errors} = open();
    const query = connection.createSubscribeQuery('notes', {});
    const docs = await query.whenReady();
    expect(docs.map(({id}) => id).sort()).to.eql(['one', 'two']);
    expect(connection.get('notes', 'two').data).to.eql({a: 1});
    await until('it is told', () => errors.length > 0);
    await calm();
    expect(errors).to.have.length(1);
    expectNamed(errors[0]!);
    await expectAllIsWell();
  });

  it('is one error event if another client creates the document', async () => {
    const {doc, errors} = open('three');
    await doc.subscribe();
    await create('three');
    await until('it is there', () => !!doc.type);
    await new Promise<void>(resolve => {
      const remote = backend.connect().get('notes', 'three');
      remote.fetch(() => remote.del({}, () => resolve()));
    });
    await until('it is gone', () => !doc.type);
    const stopped = [...errors];
    const remote = backend.connect().get('notes', 'three');
    await new Promise<void>(resolve => remote.fetch(() => resolve()));
    // The server applies the op before the host hears of it.
    backend.use('afterWrite', (_context, next) => { forget(); next(); });
    await new Promise<void>(resolve => remote.create({text: 'a'}, note.uri, () => resolve()));
    await until('it is told', () => errors.length > stopped.length);
    await calm();
    expect(errors).to.have.length(1);
    expectNamed(errors[0]!, 'three');
    (backend as unknown as {middleware: {afterWrite: unknown[]}}).middleware.afterWrite = [];
    await expectAllIsWell('three');
  });

  it('is an error of a creation, even if the page knows the type', async () => {
    const {doc, errors} = open('new');
    const registered = types.map[note.uri];
    Object.defineProperty(types.map, note.uri, {configurable: true, enumerable: true, get: () => (isInHost() ? undefined : registered)});
    const error = await errorOf(doc.create({text: 'a'}, note.uri));
    Object.defineProperty(types.map, note.uri, {configurable: true, enumerable: true, writable: true, value: registered});
    expectNamed(error!, 'new');
    await doc.whenNothingPending();
    expect([doc.type, doc.data, errors]).to.eql([null, undefined, []]);
    expect(warnings).to.have.length(1);
    await connection.flushWrites();
    expect(JSON.stringify(await storage.read([['notes', 'new']]))).not.to.include('text');
  });

  it('leaves stored data unchanged, with their unsent edits', async () => {
    const {doc} = open();
    await doc.subscribe();
    real.close();
    await until('it is offline', () => connection.state !== 'connected');
    doc.submitOp({add: 'b'});
    await connection.flushWrites();
    const before = await storage.read([['notes', 'one']]);
    forget();
    await restartHost();
    const {doc: again} = open();
    expectNamed((await errorOf(again.subscribe()))!);
    await connection.flushWrites();
    expect(await storage.read([['notes', 'one']])).to.eql(before);
    register();
    await restartHost();
    const {doc: last} = open();
    await last.subscribe();
    await last.whenNothingPending();
    expect(last.data).to.eql({text: 'ab'});
  });
});

/** Page and host share a process in this test. */
const isInHost = (): boolean => new Error().stack!.includes('missing-type.ts:');
const isInPage = (): boolean => /\/tab\/doc\//.test(new Error().stack!);

describe('an OT type that the host knows, and a page does not', () => {
  let backend: Backend;
  let host: Host;
  let connection: ProxyConnection;

  beforeEach(async () => {
    types.register(note as never);
    backend = new Backend();
    const channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel, store: false, warn: () => {}});
    connection = new ProxyConnection({channel, warn: () => {}});
    const doc = backend.connect().get('notes', 'one');
    await new Promise<void>(resolve => doc.create({text: 'a'}, note.uri, () => resolve()));
  });
  afterEach(() => {
    connection.close();
    host.close();
    types.register(note as never);
  });

  for (const how of ['subscribe', 'fetch'] as const) {
    it(`is an error of ${how} that names it, and the page shows nothing of the document`, async () => {
      const [doc, other] = [connection.get('notes', 'one'), connection.get('notes', 'two')];
      const real = backend.connect().get('notes', 'two');
      await new Promise<void>(resolve => real.create({a: 1}, () => resolve()));
      // The host has the document, and the page receives it later.
      await other.subscribe();
      const loading = doc[how]();
      const registered = types.map[note.uri];
      Object.defineProperty(types.map, note.uri, {configurable: true, enumerable: true, get: () => (isInPage() ? undefined : registered)});
      const error = await loading.then(() => undefined, (refusal: {code?: string; message: string}) => refusal);
      Object.defineProperty(types.map, note.uri, {configurable: true, enumerable: true, writable: true, value: registered});
      expect(error?.code).to.equal(CODE);
      expect(error?.message).to.include(note.uri).and.to.include('notes.one').and.to.include('page');
      expect([doc.type, doc.data, doc.version]).to.eql([null, undefined, null]);
      expect(other.data).to.eql({a: 1});
      // The page knows the type now.
      await doc[how]();
      expect(doc.data).to.eql({text: 'a'});
    });
  }

  it('is an error of a creation that names it', async () => {
    const doc = connection.get('notes', 'new');
    for (const name of [note.name, note.uri]) delete (types.map as Record<string, unknown>)[name];
    const error = await doc.create({text: 'a'}, note.uri).then(() => undefined, (refusal: {code?: string; message: string}) => refusal);
    expect(error?.code).to.equal(CODE);
    expect(error?.message).to.include(note.uri).and.to.include('notes.new');
    expect([doc.type, doc.version]).to.eql([null, null]);
  });

  it('is one error event of a creation that nobody waits for', async () => {
    const doc = connection.get('notes', 'new');
    const errors: {code?: string; message: string}[] = [];
    doc.on('error', error => errors.push(error as never));
    doc.create({text: 'a'}, 'unheard-of');
    await until('it is told', () => errors.length > 0);
    await calm();
    expect(errors.map(({code}) => code)).to.eql([CODE]);
    expect(errors[0]!.message).to.include('unheard-of').and.to.include('notes.new');
    expect(doc.hasPending()).to.equal(false);
  });
});
