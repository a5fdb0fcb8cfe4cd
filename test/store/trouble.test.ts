import {expect} from 'chai';
import {mock} from 'node:test';
import {logger, types} from 'sharedb/lib/client/index.js';
import type {Host} from '../../lib/host.js';
import { type HostOptions} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import { type ProxyDoc} from '../../lib/index.js';
import {aesGcm} from '../../lib/store/aes-gcm.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import type {Storage} from '../../lib/store/storage.js';
import {calm, eventually} from './clock.js';
import {dump, tamper, terminate, withIndexedDb} from './disks.js';
import {HostsStage} from './hosts-stage.js';
import {TroubledStorage, quotaExceeded} from './troubled-storage.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const DATABASE = 'sharedb-tabs:default';
const RETRY_MS = 2000;
const KEY = '["notes","a"]';

type StoreOptions = Exclude<HostOptions['store'], undefined>;

class TroubledDiskStage extends HostsStage {
  readonly warnings: string[] = [];

  host(store?: StoreOptions, {isOnline = true} = {}): Host {
    return this.openHost(store, isOnline, (message, detail) => this.warnings.push(`${message}: ${String(detail)}`));
  }
}

const add = (doc: ProxyDoc, n = 1): Promise<void> => doc.submitOp([{p: ['n'], na: n}]);

describe('a store with a fault', () => {
  let stage: TroubledDiskStage;
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => { rejections.push(reason); };
  const opened = withIndexedDb();

  before(() => { process.on('unhandledRejection', note); });
  after(() => { process.off('unhandledRejection', note); });
  beforeEach(() => {
    // Time passes when a test decides.
    mock.timers.enable({apis: ['setTimeout']});
    stage = new TroubledDiskStage();
  });
  afterEach(async () => {
    await stage.end();
    mock.timers.reset();
    expect(rejections.splice(0), 'unhandled rejections').to.eql([]);
  });

  async function created(tab: ProxyConnection, data: unknown = {n: 0}): Promise<ProxyDoc> {
    const doc = tab.get('notes', 'a');
    await doc.create(data);
    await doc.subscribe();
    return doc;
  }

  /** Waits until a tab is told this state of the store. */
  async function status(tab: ProxyConnection, expected: {durable: boolean; code?: string}): Promise<void> {
    await eventually(`status ${JSON.stringify(expected)}, but ${JSON.stringify(tab.status)}`, () => {
      mock.timers.tick(20);
      return tab.status.durable === expected.durable && tab.status.storeError?.code === expected.code;
    });
  }

  /** The data that the next host finds without a server. */
  async function storedData(store?: StoreOptions): Promise<unknown> {
    await stage.end();
    stage.host(store, {isOnline: false});
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    return doc.data;
  }

  /** A disk with a document that has an edit which the server does not have. */
  async function left(store?: StoreOptions): Promise<void> {
    stage.host(store);
    await created(stage.tab());
    await stage.end();
    stage.host(store, {isOnline: false});
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    void add(doc).catch(() => {});
    await tab.flushWrites();
    await stage.end();
  }

  describe('a full disk', () => {
    it('lets the app continue, is reported, and stores everything when there is room again', async () => {
      const storage = new TroubledStorage();
      stage.host({storage});
      const tab = stage.tab();
      const doc = await created(tab);
      await status(tab, {durable: true});
      storage.fail('write', quotaExceeded());
      await add(doc);
      await status(tab, {durable: false, code: 'QuotaExceededError'});
      expect(tab.status.storeError?.message).to.equal('The quota has been exceeded.');
      const other = stage.tab().get('notes', 'a');
      await other.subscribe();
      for (let i = 0; i < 20; i++) await add(i % 2 ? doc : other);
      expect([doc.data, other.data, await stage.onServer()]).to.eql([{n: 21}, {n: 21}, {n: 21}]);
      storage.fail('write');
      mock.timers.tick(RETRY_MS);
      await status(tab, {durable: true});
      await add(doc);
      expect(await storedData({storage})).to.eql({n: 22});
    });

    it('keeps edits made without a server, too', async () => {
      const storage = new TroubledStorage();
      stage.host({storage}, {isOnline: false});
      const tab = stage.tab();
      await eventually('a host', () => tab.hostState === 'connected');
      storage.fail('write', quotaExceeded());
      const doc = tab.get('notes', 'a');
      void doc.create({n: 0}).catch(() => {});
      for (let i = 0; i < 5; i++) void add(doc).catch(() => {});
      await status(tab, {durable: false, code: 'QuotaExceededError'});
      storage.fail('write');
      mock.timers.tick(RETRY_MS);
      await status(tab, {durable: true});
      expect(await storedData({storage})).to.eql({n: 5});
      stage.goOnline();
      await eventually('the server has it', async () => (await stage.onServer())?.n === 5);
    });
  });

  describe('a lost connection', () => {
    it('is opened again for the next write, and loses nothing', async () => {
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      for (let i = 0; i < 5; i++) {
        terminate(opened.at(-1)!);
        await add(doc);
      }
      await status(tab, {durable: true});
      expect(opened.length).to.be.above(1);
      expect(await storedData()).to.eql({n: 5});
    });

    it('during a write loses nothing', async () => {
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      const database = opened.at(-1)!;
      const transaction = database.transaction.bind(database);
      database.transaction = (...args) => {
        const begun = transaction(...args);
        queueMicrotask(() => terminate(database));
        return begun;
      };
      await add(doc);
      await status(tab, {durable: true});
      expect(await storedData()).to.eql({n: 1});
    });

    it('without an event is detected at the next write', async () => {
      stage.host();
      const doc = await created(stage.tab());
      opened.at(-1)!.close();
      await add(doc);
      expect(await storedData()).to.eql({n: 1});
    });

    it('is reported if it can\'t be opened again', async () => {
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      const {open} = indexedDB;
      indexedDB.open = () => { throw new DOMException('The disk is broken', 'UnknownError'); };
      terminate(opened.at(-1)!);
      await add(doc);
      await status(tab, {durable: false, code: 'UnknownError'});
      indexedDB.open = open;
      mock.timers.tick(RETRY_MS);
      await status(tab, {durable: true});
      expect(await storedData()).to.eql({n: 1});
    });
  });

  describe('another page', () => {
    it('with a newer version of the database gets it; this page continues and reports it', async () => {
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      const request = indexedDB.open(DATABASE, 2);
      let wasBlocked = false;
      request.onblocked = () => { wasBlocked = true; };
      await new Promise((resolve, reject) => {
        request.onsuccess = resolve;
        request.onerror = reject;
      });
      expect(wasBlocked).to.equal(false);
      await status(tab, {durable: false, code: 'VersionError'});
      await add(doc);
      expect(await stage.onServer()).to.eql({n: 1});
      request.result.close();
    });

    it('can delete the database; documents in use are written again', async () => {
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      await add(doc);
      await new Promise(resolve => { indexedDB.deleteDatabase(DATABASE).onsuccess = resolve; });
      await status(tab, {durable: true});
      await add(doc);
      expect([doc.data, await stage.onServer()]).to.eql([{n: 2}, {n: 2}]);
      expect(await storedData()).to.eql({n: 2});
      expect(stage.warnings).to.eql([]);
    });

    it('that blocks the database does not block this one, which writes when the database is free', async () => {
      await left();
      const request = indexedDB.open(DATABASE);
      await new Promise(resolve => { request.onsuccess = resolve; });
      // The connection does not close on `versionchange`. A deletion waits for it, and a new connection waits for the deletion.
      indexedDB.deleteDatabase(DATABASE);
      stage.host();
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      const subscribed = doc.subscribe();
      await calm();
      mock.timers.tick(2500);
      mock.timers.tick(2500);
      await subscribed;
      await status(tab, {durable: false, code: 'ERR_TABS_STORAGE_TIMEOUT'});
      await add(doc, 10);
      expect(await stage.onServer()).to.eql({n: 10});
      request.result.close();
      await status(tab, {durable: true});
      await add(doc, 10);
      expect(await storedData()).to.eql({n: 20});
    });
  });

  describe('no disk', () => {
    it('at all: the app works, and the status is not durable', async () => {
      delete (globalThis as {indexedDB?: unknown}).indexedDB;
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      await add(doc);
      await status(tab, {durable: false});
      expect(await stage.onServer()).to.eql({n: 1});
    });

    it('because opening it is refused: the app works, and the status gives the reason', async () => {
      indexedDB.open = () => { throw new DOMException('The operation is insecure.', 'SecurityError'); };
      stage.host();
      const tab = stage.tab();
      const doc = await created(tab);
      await add(doc);
      await status(tab, {durable: false, code: 'SecurityError'});
      expect(await stage.onServer()).to.eql({n: 1});
    });

    it('because another app has a database of this name', async () => {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore('something else');
      await new Promise(resolve => { request.onsuccess = resolve; });
      request.result.close();
      stage.host();
      const tab = stage.tab();
      await add(await created(tab));
      await status(tab, {durable: false, code: 'NotFoundError'});
    });
  });

  describe('a record that can\'t be used', () => {
    const checkpoint = (text: unknown): [string, unknown] => ['checkpoints', {c: 'notes', d: 'a', checkpoint: text, pending: 1}];
    const journal = (n: number, record: unknown): [string, unknown, IDBValidKey] => ['journal', {n, record}, ['notes', 'a', Number.MAX_SAFE_INTEGER, n]];
    const valid = {v: 1, type: 'http://sharejs.org/types/JSONv0', data: {n: 0}, rev: 0, history: [], pending: [], tabs: []};
    const CASES: Record<string, [store: string, value: unknown, key?: IDBValidKey]> = {
      'a checkpoint that is cut off': checkpoint('{"v":1,"type":"broken'),
      'a checkpoint that is no object': checkpoint('"broken"'),
      'a checkpoint that is null': checkpoint('null'),
      'a checkpoint of another form': checkpoint('{"broken":true}'),
      'a checkpoint of broken parts': checkpoint(JSON.stringify({...valid, pending: ['broken'], tabs: 7})),
      'a checkpoint that is not a string': checkpoint({broken: true}),
      'a foreign value in place of a checkpoint': ['checkpoints', {c: 'notes', d: 'a', broken: 1}],
      'a journal record that is cut off': journal(1000, '{"t":"submit","broken'),
      'a journal record that is null': journal(1000, null),
      'a journal record of an unknown kind': journal(1000, '{"t":"broken"}'),
      'a journal record with an op that can\'t be applied': journal(1000, JSON.stringify({
        t: 'submit', step: {op: [{p: ['broken', 'way'], na: 1}]}, owner: 'tab', seq: 1
      })),
      'a foreign value in the journal': ['journal', 'broken', ['notes', 'a', Number.MAX_SAFE_INTEGER, 1000]]
    };
    for (const [name, record] of Object.entries(CASES)) {
      it(`is quarantined, and the server's state is used: ${name}`, async () => {
        await left();
        await tamper(DATABASE, ...record);
        stage.host();
        const tab = stage.tab();
        const doc = tab.get('notes', 'a');
        await doc.subscribe();
        expect(doc.data).to.eql(await stage.onServer());
        const {n} = doc.data as {n: number};
        await add(doc, 10);
        expect([doc.data, await stage.onServer()]).to.eql([{n: n + 10}, {n: n + 10}]);
        expect(stage.warnings.join()).to.include('was quarantined');
        await tab.flushWrites();
        await stage.end();
        const raw = asidesIn(await dump(DATABASE));
        expect(raw).to.include(KEY.replaceAll('"', '\\"'));
        expect(raw).to.include(name.includes('null') ? 'null' : 'broken');
        stage.host({}, {isOnline: false});
        const stored = stage.tab().get('notes', 'a');
        await stored.subscribe();
        expect(stored.data, 'what is kept of it from now on').to.eql({n: n + 10});
      });
    }

    it('under keys of others stays unchanged', async () => {
      await left();
      await tamper(DATABASE, 'journal', 'foreign', 'foreign');
      await tamper(DATABASE, 'journal', 'foreign', [1, 2, 3]);
      await tamper(DATABASE, 'meta', {foreign: true}, 'foreign');
      stage.host();
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      await eventually('the edit is sent', async () => (await stage.onServer()).n === 1);
      expect(stage.warnings).to.eql([]);
    });
  });

  describe('a document of a type that is not registered', () => {
    const type = {
      name: 'counter', uri: 'http://example.org/counter',
      create: (n: number) => n, apply: (n: number, op: number) => n + op, compose: (a: number, b: number) => a + b,
      transform: (op: number) => op
    };
    const unregister = (): void => {
      delete types.map[type.name];
      delete types.map[type.uri];
    };
    afterEach(unregister);

    it('stays unchanged with all its edits, with a warning, and a host that knows the type sends them', async () => {
      types.register(type as never);
      stage.host();
      const doc = stage.tab().get('notes', 'a');
      await doc.create(1, type.uri);
      await stage.end();
      stage.host({}, {isOnline: false});
      const tab = stage.tab();
      const offline = tab.get('notes', 'a');
      await offline.subscribe();
      void offline.submitOp(4711).catch(() => {});
      await tab.flushWrites();
      await stage.end();
      unregister();
      stage.host({}, {isOnline: false});
      await eventually('a warning', () => stage.warnings.some(warning => warning.includes(type.uri) && warning.includes('notes.a')));
      const other = stage.tab();
      await add(await createdElsewhere(other));
      await other.flushWrites();
      await stage.end();
      expect(asidesIn(await dump(DATABASE))).not.to.include('4711');
      types.register(type as never);
      stage.host();
      const again = stage.tab().get('notes', 'a');
      await again.subscribe();
      await again.whenNothingPending();
      expect(again.data).to.equal(4712);
    });

    /** Other documents are not affected. */
    async function createdElsewhere(tab: ProxyConnection): Promise<ProxyDoc> {
      stage.goOnline();
      const doc = tab.get('notes', 'b');
      await doc.create({n: 0});
      return doc;
    }
  });

  describe('two hosts at once', () => {
    const storages: Record<string, () => () => Storage> = {
      'in memory': () => {
        const storage = new TroubledStorage();
        return () => storage;
      },
      'on IndexedDB': () => () => new IndexedDbStorage()
    };
    for (const [name, disk] of Object.entries(storages)) {
      it(`leave the tabs to the newer one, each edit exactly once: ${name}`, async () => {
        const storage = disk();
        const older = stage.host({storage: storage()});
        const [one, two] = [stage.tab(), stage.tab()];
        const doc = await created(one);
        const same = two.get('notes', 'a');
        await same.subscribe();
        await add(doc);
        const edits: Promise<void>[] = [add(doc), add(same)];
        const newer = stage.host({storage: storage()});
        edits.push(add(doc), add(same));
        await calm();
        edits.push(add(doc), add(same));
        await Promise.all(edits);
        await eventually('both tabs are with the newer one', () => newer.inspect().tabs === 2);
        await eventually('they agree', () => doc.data.n === 7 && same.data.n === 7);
        expect(await stage.onServer()).to.eql({n: 7});
        expect(older.inspect().tabs).to.equal(0);
        expect(await storedData({storage: storage()})).to.eql({n: 7});
      });

      it(`stop the older one at its next write: ${name}`, async () => {
        const storage = disk();
        const older = stage.host({storage: storage()});
        const closed = older.whenClosed;
        const doc = await created(stage.tab());
        // A host that the tabs do not hear. Only the storage knows it.
        const own = storage();
        await own.open('default');
        await own.claim('another');
        void add(doc).catch(() => {});
        await closed;
        expect(await stage.onServer()).to.eql({n: 0});
        own.close();
      });
    }
  });

  describe('encryption', () => {
    const makeKey = (): Promise<CryptoKey> => crypto.subtle.generateKey({name: 'AES-GCM', length: 256}, false, ['encrypt', 'decrypt']);
    const SECRET = 'nobody may read this';

    async function leftSecrets(cipher: ReturnType<typeof aesGcm>): Promise<void> {
      stage.host({cipher});
      await created(stage.tab(), {secret: SECRET, n: 0});
      await stage.end();
      stage.host({cipher}, {isOnline: false});
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      void doc.submitOp([{p: ['more'], oi: `${SECRET} either`}]).catch(() => {});
      await tab.flushWrites();
      await stage.end();
    }

    it('leaves no plain text on the disk, and everything can be read', async () => {
      const cipher = aesGcm(makeKey());
      await leftSecrets(cipher);
      const raw = await dump(DATABASE);
      expect(raw).to.include(JSON.stringify(['notes', 'a']).slice(1, -1));
      for (const word of [SECRET, 'secret', 'JSONv0', '"t"', btoa(SECRET)]) expect(raw).not.to.include(word);
      expect(await storedData({cipher})).to.eql({secret: SECRET, n: 0, more: `${SECRET} either`});
    });

    it('without its key at one start restores the edits at the next one', async () => {
      const key = await crypto.subtle.generateKey({name: 'AES-GCM', length: 256}, false, ['encrypt', 'decrypt']);
      await left({cipher: aesGcm(key)});
      stage.host({cipher: {encrypt: text => text, decrypt: () => Promise.reject(new Error('no key offline'))}}, {isOnline: false});
      const tab = stage.tab();
      await eventually('it is told', () => {
        mock.timers.tick(20);
        return tab.status.quarantined === 1;
      });
      const [entry] = await tab.quarantine.list();
      expect(entry).to.deep.include({collection: 'notes', doc: 'a'});
      expect(JSON.parse(await tab.quarantine.export())).to.have.length(1);
      const code = await tab.quarantine.restore(entry!.id).then(() => 'restored', (error: Error) => error.message);
      expect(code).not.to.equal('restored');
      await stage.end();
      stage.host({cipher: aesGcm(key)});
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      await eventually('the edit is sent', async () => (await stage.onServer()).n === 1);
      expect(doc.data).to.eql({n: 1});
    });

    it('with another key quarantines what it can\'t read, and continues with the server\'s state', async () => {
      const right = makeKey();
      await leftSecrets(aesGcm(right));
      stage.host({cipher: aesGcm(makeKey())});
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      expect(doc.data).to.eql({secret: SECRET, n: 0});
      await add(doc);
      await status(tab, {durable: true, code: 'OperationError'});
      await tab.flushWrites();
      await stage.end();
      const raw = await dump(DATABASE);
      expect(asidesIn(raw)).to.include(KEY.replaceAll('"', '\\"'));
      expect(raw).not.to.include(SECRET);
    });

    it('continues without a disk if there is no key', async () => {
      stage.host({cipher: aesGcm(Promise.reject(new Error('The user has not unlocked it')))});
      const tab = stage.tab();
      await add(await created(tab));
      await eventually('the status says why', () => {
        mock.timers.tick(20);
        return !tab.status.durable && tab.status.storeError?.message === 'The user has not unlocked it';
      });
      expect(await stage.onServer()).to.eql({n: 1});
    });

    it('uses the app\'s own functions', async () => {
      const cipher = {encrypt: (text: string) => btoa(encodeURIComponent(text)), decrypt: (text: string) => decodeURIComponent(atob(text))};
      await leftSecrets(cipher as never);
      expect(await dump(DATABASE)).not.to.include(SECRET);
      expect(await storedData({cipher})).to.eql({secret: SECRET, n: 0, more: `${SECRET} either`});
    });

    it('encrypts any text, with another result each time', async () => {
      const cipher = aesGcm(makeKey());
      for (const text of ['', 'é 👩‍👩‍👧 \u0000', 'long '.repeat(300_000)]) {
        const [first, second] = [await cipher.encrypt(text), await cipher.encrypt(text)];
        expect(first === second).to.equal(false);
        expect(await cipher.decrypt(first) === text).to.equal(true);
      }
    });

    it('detects texts that were changed, or that it has not encrypted', async () => {
      const cipher = aesGcm(makeKey());
      const sealed = await cipher.encrypt('text');
      for (const other of [`${sealed.slice(0, -4)}AAA=`, '', 'not base64 at all', '{"v":1}']) {
        expect(await Promise.resolve(cipher.decrypt(other)).catch(() => 'refused')).to.equal('refused');
      }
    });
  });
});

/** The part of a dump with the quarantined records: names, reasons and bodies. */
function asidesIn(dumped: string): string {
  const stores = new Map((JSON.parse(dumped) as [store: string, keys: unknown[], values: unknown[]][]).map(([store, keys, values]) => [store, {keys, values}]));
  const {keys, values} = stores.get('meta')!;
  const entries = keys.flatMap((name, i) => ((name as string).includes('set aside') ? [name, values[i]] : []));
  return JSON.stringify([...entries, ...stores.get('checkpoints')!.values.filter(value => (value as {c?: string}).c === 'sharedb-tabs:quarantine')]);
}
