import {expect} from 'chai';
import Backend from 'sharedb';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {type as json1} from 'ot-json1';
import {Connection, logger, types} from 'sharedb/lib/client/index.js';
import {Host, type StoreOptions} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

types.register(json1);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Message = Record<string, any>;

/** A server whose parts can be taken away, a disk, and several hosts one after the other. */
class FailingServerStage {
  db!: any;
  backend!: Backend & {suppressPublish?: boolean};
  readonly storage = new InMemoryStorage();
  /** The error with which the server refuses reads, if any. */
  refused: Error | undefined;
  channel = memoryChannels();
  host!: Host;
  connection!: Connection;
  /** The messages that the host has sent to the server. */
  sent: Message[] = [];
  store: Omit<StoreOptions, 'storage'> = {};

  constructor() {
    this.replaceDatabase();
  }

  replaceDatabase(): void {
    this.db = new BasicQueryableMemoryDB();
    this.backend = new Backend({db: this.db});
    this.backend.use('readSnapshots', (_context, next) => next(this.refused));
  }

  start(online = true): void {
    this.channel = memoryChannels();
    this.connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    this.sent = [];
    this.connection.on('send' as never, ((message: Message) => this.sent.push(message)) as never);
    if (online) this.goOnline();
    this.host = new Host({connection: this.connection, channel: this.channel, store: {storage: this.storage, ...this.store}, warn: () => {}});
  }

  async startConnected(): Promise<void> {
    this.start();
    await until('the host is connected', () => (this.connection.state as string) === 'connected');
  }

  goOnline(): void {
    this.backend.connect(this.connection);
  }

  tab(options: {storedFirst?: boolean} = {}): ProxyConnection {
    return new ProxyConnection({channel: this.channel, warn: () => {}, ...options});
  }

  /** The data that a remote client gets. */
  async remote(id = 'a'): Promise<any> {
    const doc = this.backend.connect().get('notes', id);
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve())));
    return doc;
  }

  async create(data: unknown, id = 'a'): Promise<void> {
    const doc = await this.remote(id);
    await new Promise<void>((resolve, reject) => doc.create(data, (error: Error) => (error ? reject(error) : resolve())));
  }

  /** A remote client makes this number of edits. */
  async edit(times: number, id = 'a'): Promise<void> {
    const doc = await this.remote(id);
    for (let i = 0; i < times; i++) {
      await new Promise<void>((resolve, reject) => doc.submitOp([{p: ['n'], na: 1}], (error: Error) => (error ? reject(error) : resolve())));
    }
  }

  trimLog(before: number, id = 'a'): Promise<void> {
    return new Promise(resolve => this.db.deleteOps('notes', id, 0, before, null, () => resolve()));
  }

  /** Stores the document's present state. */
  async storeOnce(id = 'a'): Promise<void> {
    this.start();
    const tab = this.tab();
    await tab.get('notes', id).subscribe();
    await this.stop(tab);
  }

  async stop(tab: ProxyConnection): Promise<void> {
    await tab.flushWrites();
    tab.close();
    this.host.close();
    await this.host.whenClosed;
  }
}

const shown = ({data, version}: ProxyDoc): unknown => [data, version];

describe('stored state', () => {
  let stage: FailingServerStage;
  beforeEach(() => { stage = new FailingServerStage(); });
  afterEach(() => stage.host.close());

  /** The store has version 1 with n = 0. The server is at version 6 and has lost the ops before version 5. */
  async function trimmed(): Promise<void> {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.edit(5);
    await stage.trimLog(5);
  }

  for (const how of ['subscribe', 'fetch'] as const) {
    it(`equals the server's state after a ${how} behind a trimmed log`, async () => {
      await trimmed();
      await stage.startConnected();
      const doc = stage.tab().get('notes', 'a');
      await doc[how]();
      expect(shown(doc)).to.eql([{n: 5}, 6]);
    });
  }

  it('equals the server\'s state when many are subscribed at once, with one request', async () => {
    await stage.create({n: 0}, 'b');
    await stage.storeOnce('b');
    await trimmed();
    await stage.startConnected();
    const tab = stage.tab();
    tab.startBulk();
    const both = ['a', 'b'].map(id => tab.get('notes', id));
    const subscribed = both.map(doc => doc.subscribe());
    tab.endBulk();
    await Promise.all(subscribed);
    expect(both.map(shown)).to.eql([[{n: 5}, 6], [{n: 0}, 1]]);
    expect(stage.sent.filter(({a}) => a === 's' || a === 'bs')).to.have.length(1);
  });

  for (const unsent of [false, true]) {
    it(`equals the server's state if the adapter returns only the later ops${unsent ? ', with unsent ops' : ''}`, async () => {
      await stage.create({n: 0});
      await stage.storeOnce();
      await stage.edit(5);
      // Some adapters store the version in each op: deleted ops are missing from the answer without an error.
      const {getOps} = stage.db;
      stage.db.getOps = (c: string, d: string, from: number, to: number | null, options: object, callback: (...args: unknown[]) => void): void =>
        void getOps.call(stage.db, c, d, Math.max(from, 4), to, options, callback);
      stage.start(false);
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      const written = unsent ? doc.submitOp([{p: ['mine'], oi: 1}]).then(() => 'taken', (error: {code?: string}) => error.code) : undefined;
      stage.goOnline();
      await until('it is so', () => doc.version === 6);
      expect(doc.data).to.eql({n: 5});
      expect(await written).to.equal(unsent ? 'ERR_TABS_HISTORY_GONE' : undefined);
      await stage.edit(1);
      await until('it is followed', () => doc.version === 7);
    });
  }

  it('is followed without an error in tabs, if the log is trimmed below unsent ops at a reconnect', async () => {
    await stage.create({n: 0});
    await stage.startConnected();
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    const query = stage.tab().createSubscribeQuery('notes', {});
    const errors: unknown[] = [];
    doc.on('error', error => errors.push(error));
    query.on('error', error => errors.push(error));
    await new Promise(resolve => query.once('ready', resolve as never));
    stage.connection.close();
    const written = doc.submitOp([{p: ['mine'], oi: 1}]).catch((error: {code?: string}) => error.code);
    await stage.edit(5);
    await stage.trimLog(5);
    stage.goOnline();
    expect(await written).to.equal('ERR_TABS_HISTORY_GONE');
    await stage.edit(1);
    await until('it is followed', () => doc.version === 7);
    expect(doc.data).to.eql({n: 6});
    expect(errors).to.eql([]);
  });

  it('reaches a query behind a trimmed log, and can be edited', async () => {
    await trimmed();
    await stage.startConnected();
    const query = stage.tab().createSubscribeQuery('notes', {});
    await new Promise(resolve => query.once('ready', resolve as never));
    const [doc] = query.results as ProxyDoc[];
    await until('it is so', () => doc!.version === 6);
    await doc!.submitOp([{p: ['n'], na: 1}]);
    expect((await stage.remote()).data).to.eql({n: 6});
  });

  it('is brought up to date by a subscribed query alone', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.edit(2);
    await stage.startConnected();
    const query = stage.tab().createSubscribeQuery('notes', {});
    await new Promise(resolve => query.once('ready', resolve as never));
    expect(shown(query.results[0] as ProxyDoc)).to.eql([{n: 2}, 3]);
  });

  it('is replaced by that of another database with a lower version, as a change', async () => {
    await stage.create({n: 0, old: true});
    await stage.edit(3);
    await stage.storeOnce();
    stage.replaceDatabase();
    await stage.create({n: 7});
    await stage.startConnected();
    const tab = stage.tab({storedFirst: true});
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    const ops: unknown[] = [];
    doc.on('op', op => ops.push(op));
    await until('it is so', () => doc.version === 1);
    expect(shown(doc)).to.eql([{n: 7}, 1]);
    expect(ops).not.to.be.empty;
    await doc.submitOp([{p: ['n'], na: 1}]);
    expect((await stage.remote()).data).to.eql({n: 8});
    expect(await tab.deadLetters.list()).to.be.empty;
  });

  it('is replaced by other content of the same version', async () => {
    await stage.create({n: 0, old: [1, 2]});
    await stage.storeOnce();
    stage.replaceDatabase();
    await stage.create({n: 1, fresh: [2]});
    await stage.startConnected();
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    expect(shown(doc)).to.eql([{n: 1, fresh: [2]}, 1]);
  });

  for (const [what, start] of Object.entries({'another database': {n: 7}, 'the same one': undefined})) {
    it(`equals the server's state if its ops overtake the snapshot: ${what}`, async () => {
      await stage.create({n: 0, old: true});
      await stage.storeOnce();
      if (start) {
        stage.replaceDatabase();
        await stage.create(start);
      }
      await stage.edit(3);
      let held = 0;
      // The host has the snapshot of version 4, and asks for the ops from version 1 on.
      stage.backend.use('receive' as never, (({data}: {data: Message}, next: () => void) => {
        const isForOps = ['f', 'bf'].includes(data['a']) && JSON.stringify([data['v'], data['b']]).includes('1');
        if (!isForOps || held++) return next();
        void stage.edit(1).then(next);
      }) as never);
      stage.start();
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      await until('it is the server\'s', async () => JSON.stringify(doc.data) === JSON.stringify((await stage.remote()).data));
      expect([doc.version, doc.data]).to.eql([5, start ? {n: 11} : {n: 4, old: true}]);
      // Another database is read once more. Nothing more is asked where the document had the content of the snapshot.
      expect(held).to.equal(1);
      expect(stage.sent.filter(({a}) => ['s', 'f', 'bf'].includes(a)).length).to.equal(start ? 3 : 2);
      await doc.submitOp([{p: ['n'], na: 1}]);
      expect(doc.data).to.eql((await stage.remote()).data);
    });
  }

  it('is deleted if the new database has no such document', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    stage.replaceDatabase();
    await stage.startConnected();
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    expect([doc.type, doc.data]).to.eql([null, undefined]);
    await doc.create({n: 3});
    expect((await stage.remote()).data).to.eql({n: 3});
  });

  it('is neither shown nor kept if it may no longer be read', async () => {
    await stage.create({secret: true});
    await stage.storeOnce();
    stage.refused = Object.assign(new Error('Forbidden'), {code: 'ERR_FORBIDDEN'});
    await stage.startConnected();
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    const error = await doc.subscribe().then(() => undefined, (failure: unknown) => failure);
    expect((error as {code: string}).code).to.equal('ERR_FORBIDDEN');
    expect(doc.data).to.equal(undefined);
    await stage.stop(tab);
    stage.start(false);
    const later = stage.tab().get('notes', 'a');
    void later.subscribe();
    await stage.tab().flushWrites();
    expect(later.data).to.equal(undefined);
  });

  it('is emptied, with an error, if it was shown at once and may no longer be read', async () => {
    await stage.create({secret: true});
    await stage.storeOnce();
    stage.refused = Object.assign(new Error('Forbidden'), {code: 'ERR_FORBIDDEN'});
    stage.start(false);
    const tabs = [stage.tab(), stage.tab()];
    const docs = tabs.map(tab => tab.get('notes', 'a'));
    await Promise.all(docs.map(doc => doc.subscribe()));
    expect(docs.map(doc => doc.data)).to.eql([{secret: true}, {secret: true}]);
    const errors: unknown[][] = docs.map(() => []);
    docs.forEach((doc, i) => doc.on('error', error => errors[i]!.push((error as {code?: unknown}).code)));
    stage.goOnline();
    await until('it is so', () => errors.every(list => list.length > 0) && !stage.connection.get('notes', 'a').hasPending());
    expect(docs.map(doc => doc.data)).to.eql([undefined, undefined]);
    await Promise.all(tabs.map(tab => tab.flushWrites()));
    expect(errors).to.eql([['ERR_FORBIDDEN'], ['ERR_FORBIDDEN']]);
  });

  it('shows a fetched document at once without a server, and the server\'s state afterwards', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.edit(2);
    stage.start(false);
    const doc = stage.tab().get('notes', 'a');
    await doc.fetch();
    expect(shown(doc)).to.eql([{n: 0}, 1]);
    stage.goOnline();
    await until('it is so', () => doc.version === 3);
    expect(doc.data).to.eql({n: 2});
  });

  it('shows a fetched document at once with the option for it, and the server\'s state afterwards', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.edit(2);
    await stage.startConnected();
    const tab = stage.tab({storedFirst: true});
    const doc = tab.get('notes', 'a');
    await doc.fetch();
    await until('it is as the server has it', () => doc.version === 3);
    await stage.edit(1);
    await doc.fetch();
    await until('it is so again', () => doc.version === 4);
    expect(shown(doc)).to.eql([{n: 3}, 4]);
  });

  it('is compared once, without a message to the tabs, if the server has the same', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.startConnected();
    const docs = [stage.tab(), stage.tab()].map(tab => tab.get('notes', 'a'));
    await docs[0]!.subscribe();
    await docs[1]!.subscribe();
    expect(docs.map(shown)).to.eql([[{n: 0}, 1], [{n: 0}, 1]]);
    expect(stage.sent.filter(({a}) => a === 's').map(({v}) => (v ?? null) as unknown)).to.eql([null]);
  });

  it('continues from its version with the option for it', async () => {
    await stage.create({n: 0});
    await stage.storeOnce();
    await stage.edit(2);
    stage.store = {resume: 'ops'};
    await stage.startConnected();
    const doc = stage.tab().get('notes', 'a');
    await doc.subscribe();
    await until('it is so', () => doc.version === 3);
    expect(stage.sent.find(({a}) => a === 's')!['v']).to.equal(1);
  });

  it('answers a fetch query without a server; the server answers when it is reachable again', async () => {
    await stage.create({n: 0});
    await stage.startConnected();
    const first = stage.tab();
    await new Promise(resolve => first.createFetchQuery('notes', {}, null, resolve as never));
    await first.get('notes', 'a').subscribe();
    await stage.stop(first);
    stage.start(false);
    const tab = stage.tab();
    const query = tab.createFetchQuery('notes', {});
    await new Promise(resolve => query.once('ready', resolve as never));
    expect(query.results.map(doc => doc.data as unknown)).to.eql([{n: 0}]);
    const other = tab.createFetchQuery('notes', {n: 0});
    const ready = new Promise(resolve => other.once('ready', resolve as never));
    stage.goOnline();
    await ready;
    expect(other.results.map(({id}) => id)).to.eql(['a']);
  });

  describe('with unsent ops', () => {
    async function offlineEdit(): Promise<ProxyConnection> {
      stage.start(false);
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      doc.submitOp([{p: ['mine'], oi: 1}]).catch(() => {});
      await new Promise(resolve => setImmediate(resolve));
      await tab.flushWrites();
      return tab;
    }

    it('is continued if the server has the ops', async () => {
      await stage.create({n: 0});
      await stage.storeOnce();
      await stage.stop(await offlineEdit());
      await stage.edit(2);
      await stage.startConnected();
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      await until('it is so', () => !doc.hasPending() && doc.version === 4);
      expect(doc.data).to.eql({n: 2, mine: 1});
      expect((await stage.remote()).data).to.eql({n: 2, mine: 1});
    });

    for (const [what, isSeen] of [['a tab asks', true], ['nobody asks', false]] as const) {
      it(`becomes the server's behind a trimmed log, with dead letters, if ${what}`, async () => {
        await stage.create({n: 0});
        await stage.storeOnce();
        await stage.stop(await offlineEdit());
        await stage.edit(5);
        await stage.trimLog(5);
        await stage.startConnected();
        const tab = stage.tab();
        const doc = tab.get('notes', 'a');
        if (isSeen) await doc.subscribe();
        const listed = (): ReturnType<typeof tab.deadLetters.list> => tab.deadLetters.list().catch(() => []);
        await until('there is a dead letter', async () => (await listed()).length > 0);
        if (!isSeen) await doc.subscribe();
        await until('it is so', () => doc.version === 6 && !doc.hasPending());
        expect(doc.data).to.eql({n: 5});
        expect((await listed()).map(({error}) => error.code)).to.eql(['ERR_TABS_HISTORY_GONE']);
      });
    }

    it('becomes that of another database', async () => {
      await stage.create({n: 0});
      await stage.edit(2);
      await stage.storeOnce();
      await stage.stop(await offlineEdit());
      stage.replaceDatabase();
      await stage.create({n: 9});
      await stage.startConnected();
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      await until('it is so', () => doc.version === 1 && !doc.hasPending());
      expect(doc.data).to.eql({n: 9});
      expect((await tab.deadLetters.list()).map(({error}) => error.code)).to.eql(['ERR_TABS_HISTORY_GONE']);
    });
  });

  describe('of a living host', () => {
    it('is loaded again if ops are missing that were published while it was connected', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      stage.backend.suppressPublish = true;
      await stage.edit(4);
      await stage.trimLog(4);
      stage.backend.suppressPublish = false;
      await stage.edit(1);
      await until('it is so', () => doc.version === 6);
      expect(doc.data).to.eql({n: 5});
    });

    it('is loaded again if the log was trimmed while it was offline', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const docs = [stage.tab(), stage.tab()].map(tab => tab.get('notes', 'a'));
      await Promise.all(docs.map(doc => doc.subscribe()));
      stage.connection.close();
      await stage.edit(5);
      await stage.trimLog(5);
      stage.goOnline();
      await until('it is so', () => docs.every(doc => doc.version === 6));
      expect(docs.map(doc => doc.data)).to.eql([{n: 5}, {n: 5}]);
    });

    it('of json1 is loaded again, and an edit inside a removed part is a dead letter', async () => {
      const remote = await stage.remote();
      await settled(done => remote.create({list: ['a']}, json1.uri, done));
      await stage.startConnected();
      const tabs = [stage.tab(), stage.tab()];
      const docs = tabs.map(tab => tab.get('notes', 'a'));
      await Promise.all(docs.map(doc => doc.subscribe()));
      const errors: unknown[] = [];
      docs[1]!.on('error', error => errors.push(error));
      stage.connection.close();
      await settled(done => remote.submitOp(['list', {r: true}], {}, done));
      await settled(done => remote.submitOp(['n', {i: 1}], {}, done));
      await stage.trimLog(3);
      docs[0]!.pause();
      const edit = docs[0]!.submitOp(['list', 0, {i: 'b'}]).catch((error: {code: string}) => error.code);
      stage.goOnline();
      await until('the other tab has it', () => docs[1]!.version === 3);
      docs[0]!.resume();
      expect(await edit).to.equal('ERR_TABS_HISTORY_GONE');
      await until('it is so', () => docs.every(doc => doc.version === 3));
      expect([...docs.map(doc => doc.data), errors]).to.eql([{n: 1}, {n: 1}, []]);
      expect(await tabs[1]!.deadLetters.list()).to.have.length(1);
    });

    it('has an edit that was given up, and that the server acknowledges afterwards', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const docs = [stage.tab(), stage.tab()].map(tab => tab.get('notes', 'a'));
      await Promise.all(docs.map(doc => doc.subscribe()));
      const held: (() => void)[] = [];
      stage.backend.use('submit', (_context, next) => void held.push(next));
      const edit = docs[0]!.submitOp([{p: ['mine'], oi: 1}]).then(() => 'saved', (error: Error) => error.message);
      await until('the server has it before itself', () => held.length > 0);
      // As when the type throws at an op of the server.
      (stage.connection.get('notes', 'a') as unknown as {_hardRollback(error: Error): void})._hardRollback(new Error('Path invalid'));
      expect(await edit).to.equal('Path invalid');
      held.forEach(next => next());
      await until('all have it', () => docs.every(doc => doc.version === 2 && doc.data.mine === 1));
      expect((await stage.remote()).data).to.eql({n: 0, mine: 1});
    });

    it('is the server\'s after a fetch, even if the server has not sent an op', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      stage.backend.suppressPublish = true;
      await stage.edit(1);
      await doc.fetch();
      expect(shown(doc)).to.eql([{n: 1}, 2]);
    });

    for (const [what, edits] of [['an older one', 0], ['one with as many ops', 4], ['one with more ops', 6]] as const) {
      it(`is that of another database in all tabs, when a page is loaded after the server has started with ${what}`, async () => {
        await stage.create({n: 0, old: true});
        await stage.edit(4);
        await stage.startConnected();
        const [open, other] = [stage.tab(), stage.tab()].map(tab => tab.get('notes', 'a')) as [ProxyDoc, ProxyDoc];
        await Promise.all([open.subscribe(), other.subscribe()]);
        stage.connection.close();
        stage.replaceDatabase();
        await stage.create({n: 7});
        await stage.edit(edits);
        stage.goOnline();
        const loaded = stage.tab().get('notes', 'a');
        await loaded.subscribe();
        await until('all have it', () => [open, other, loaded].every(doc => doc.version === edits + 1 && !('old' in doc.data)));
        expect([open, other, loaded].map(shown)).to.eql(Array(3).fill([{n: 7 + edits}, edits + 1]));
        await open.submitOp([{p: ['n'], na: 1}]);
        expect((await stage.remote()).data).to.eql({n: 8 + edits});
      });
    }

    it('is empty in all tabs, when a page is loaded after the server has started with an empty database', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const open = stage.tab().get('notes', 'a');
      await open.subscribe();
      stage.connection.close();
      stage.replaceDatabase();
      stage.goOnline();
      const loaded = stage.tab().get('notes', 'a');
      await loaded.subscribe();
      await until('both have it', () => [open, loaded].every(({type, version}) => type === null && version === 0));
      await open.create({n: 3});
      await until('both have it', () => loaded.data?.n === 3);
    });

    it('is compared once after a reconnect, without a message to the tabs, if the server has the same', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const open = stage.tab().get('notes', 'a');
      await open.subscribe();
      const events: string[] = [];
      for (const event of ['op', 'load', 'del', 'create', 'error'] as const) open.on(event as never, (() => { events.push(event); }) as never);
      stage.connection.close();
      stage.goOnline();
      await until('the host is connected', () => (stage.connection.state as string) === 'connected');
      stage.sent = [];
      for (let i = 0; i < 3; i++) await stage.tab().get('notes', 'a').subscribe();
      await open.fetch();
      expect([events, stage.sent.filter(({a}) => a === 's')]).to.eql([[], [{a: 's', c: 'notes', d: 'a', v: null}]]);
    });

    it('is not shown to a page that is loaded after the right to read it was lost', async () => {
      await stage.create({n: 0});
      await stage.startConnected();
      const open = stage.tab().get('notes', 'a');
      await open.subscribe();
      stage.connection.close();
      stage.goOnline();
      await until('the host is connected', () => (stage.connection.state as string) === 'connected');
      stage.refused = Object.assign(new Error('Forbidden'), {code: 'ERR_FORBIDDEN'});
      const loaded = stage.tab().get('notes', 'a');
      const codes: unknown[] = [];
      for (const doc of [open, loaded]) doc.on('error', error => codes.push((error as {code?: unknown}).code));
      loaded.subscribe(() => {});
      await until('it is shown to nobody', () => open.data === undefined && loaded.data === undefined && codes.length >= 2);
      expect(new Set(codes)).to.eql(new Set(['ERR_FORBIDDEN']));
    });

    it('accepts an edit that is made while the last tab unsubscribes, before the server could be read', async () => {
      await stage.create({n: 0});
      await stage.storeOnce();
      await stage.startConnected();
      stage.refused = Object.assign(new Error('The database is away'), {code: 'ECONNREFUSED'});
      const doc = stage.tab().get('notes', 'a');
      await doc.subscribe();
      const unsubscribed = doc.unsubscribe();
      await doc.submitOp([{p: ['n'], na: 1}]);
      await unsubscribed;
      expect(doc.data).to.eql({n: 1});
    });

    it('reports a refused resubscription once', async () => {
      await stage.create({n: 0});
      stage.backend.use('op', (_context, next) => next(stage.refused));
      await stage.startConnected();
      const docs = [stage.tab(), stage.tab()].map(tab => tab.get('notes', 'a'));
      await Promise.all(docs.map(doc => doc.subscribe()));
      const errors: unknown[][] = docs.map(() => []);
      docs.forEach((doc, i) => doc.on('error', error => errors[i]!.push((error as {code?: unknown}).code)));
      stage.connection.close();
      await stage.edit(1);
      stage.refused = Object.assign(new Error('Forbidden'), {code: 'ERR_FORBIDDEN'});
      stage.goOnline();
      await until('it is so', () => errors.every(list => list.length > 0));
      await until('it is so', () => !stage.connection.get('notes', 'a').hasPending());
      expect(errors).to.eql([['ERR_FORBIDDEN'], ['ERR_FORBIDDEN']]);
    });
  });
});
