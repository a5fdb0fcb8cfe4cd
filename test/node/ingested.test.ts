import {expect} from 'chai';
import Backend from 'sharedb';
import {Host, InMemoryStorage} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

type Counter = {n: number; text: string};

const add = (n: number): object[] => [{p: ['n'], na: n}];

/** The host has the state that a tab ingests from another source: another tab or the store. */
describe('an ingested state, and the host\'s state', () => {
  let backend: Backend;
  let storage: InMemoryStorage;
  const closers: (() => void)[] = [];
  /** A client with its own connection to the server. */
  let remote: ReturnType<ReturnType<Backend['connect']>['get']>;

  beforeEach(async () => {
    backend = new Backend();
    storage = new InMemoryStorage();
    remote = backend.connect().get('counters', 'one');
    await new Promise<void>(resolve => remote.create({n: 1, text: 'ab'}, () => resolve()));
  });
  afterEach(() => { for (const close of closers.splice(0)) close(); });

  interface Opened {
    host: Host;
    connect: () => ProxyConnection;
    open: () => ProxyDoc<Counter>;
  }

  function openHost(): Opened {
    const channel = memoryChannels();
    const host = new Host({connection: backend.connect(), channel, store: {storage}});
    closers.push(() => host.close());
    const connect = (): ProxyConnection => {
      const connection = new ProxyConnection({channel});
      closers.push(() => connection.close());
      return connection;
    };
    return {host, connect, open: () => connect().get<Counter>('counters', 'one')};
  }

  const change = (op: object[]): Promise<void> => new Promise(resolve => remote.submitOp(op, {}, () => resolve()));
  const snapshot = (v: number, n: number): object => ({v, type: 'json0', data: {n, text: 'ab'}});

  async function agree(docs: ProxyDoc<Counter>[], expected: Counter): Promise<void> {
    await new Promise<void>(resolve => remote.fetch(() => resolve()));
    expect(remote.data).to.eql(expected);
    await until('all show it', () => docs.every(({data}) => JSON.stringify(data) === JSON.stringify(expected)));
  }

  /** Ingests a state and makes an op on it in the same turn. Resolves when the server has the op. */
  async function ingestAndAdd(doc: ProxyDoc<Counter>, v: number, n: number): Promise<void> {
    void doc.ingestSnapshot(snapshot(v, n) as never);
    await doc.submitOp(add(4));
  }

  /** A tab ingests the first state. Another tab has already changed that state with an op. */
  async function goOnFromTheFirst({open}: Opened): Promise<void> {
    const [doc, other] = [open(), open()];
    await other.subscribe();
    await change(add(2));
    await until('the other tab has it', () => other.data.n === 3);
    await ingestAndAdd(doc, 1, 1);
    await agree([doc, other], {n: 7, text: 'ab'});
  }

  it('is not changed by ops that are made on it before the host receives it', async () => {
    const {open} = openHost();
    const [doc, other] = [open(), open()];
    void doc.ingestSnapshot(snapshot(1, 1) as never);
    await doc.submitOp([...add(4), {p: ['text', 0], sd: 'a'}]);
    await other.subscribe();
    await change(add(2));
    await until('the other tab has it', () => other.version === 3);
    await agree([other], {n: 7, text: 'b'});
  });

  for (const [how, ask] of Object.entries({subscribed: 'subscribe', fetched: 'fetch'} as const)) {
    it(`is the base of later ops while it is being ${how}, if another tab follows the document`, async () => {
      const {open} = openHost();
      const [doc, other] = [open(), open()];
      await other.subscribe();
      const whenAsked = doc[ask]();
      await ingestAndAdd(doc, 1, 1);
      await whenAsked;
      await agree([doc, other], {n: 5, text: 'ab'});
    });
  }

  it('is newer than the state that another tab has fetched', async () => {
    const {open} = openHost();
    const [doc, other] = [open(), open()];
    await other.fetch();
    await change(add(2));
    await ingestAndAdd(doc, 2, 3);
    await agree([doc], {n: 7, text: 'ab'});
  });

  it('is newer than the stored state', async () => {
    const {host, open} = openHost();
    await open().subscribe();
    host.close();
    await host.whenClosed;
    await change(add(2));
    const doc = openHost().open();
    await ingestAndAdd(doc, 2, 3);
    await agree([doc], {n: 7, text: 'ab'});
  });

  it('is wrong, and an op on it is refused as the server would', async () => {
    const {open} = openHost();
    const [doc, other] = [open(), open()];
    await other.subscribe();
    void doc.ingestSnapshot({v: 1, type: 'json0', data: {n: 1, text: 'xy'}} as never);
    const error = await doc.submitOp([{p: ['text', 0], sd: 'x'}]).then(() => undefined, (refusal: {code?: string}) => refusal);
    expect(error?.code).to.equal('ERR_OT_OP_NOT_APPLIED');
    await agree([other], {n: 1, text: 'ab'});
  });

  const whoHears: Record<string, (doc: ProxyDoc<Counter>, act: () => void) => void> = {
    callback: (doc, act) => void doc.ingestSnapshot(snapshot(1, 1) as never, act),
    listener: (doc, act) => {
      doc.once('load', act);
      void doc.ingestSnapshot(snapshot(1, 1) as never);
    }
  };
  for (const [who, ingest] of Object.entries(whoHears)) {
    it(`is not changed by ops of its ${who}`, async () => {
      const {open} = openHost();
      const [doc, other] = [open(), open()];
      await new Promise<void>((resolve, reject) => ingest(doc, () => void doc.submitOp(add(4)).then(resolve, reject)));
      await other.subscribe();
      await agree([doc, other], {n: 5, text: 'ab'});
    });

    it(`is deleted by its ${who}`, async () => {
      const {open} = openHost();
      const doc = open();
      await new Promise<void>((resolve, reject) => ingest(doc, () => void doc.del().then(resolve, reject)));
      await new Promise<void>(resolve => remote.fetch(() => resolve()));
      expect(remote.type).to.equal(null);
    });
  }

  it('is the base of later ops during a query that another tab has', async () => {
    const {connect} = openHost();
    const [connection, other] = [connect(), connect()];
    await new Promise(resolve => other.createSubscribeQuery('counters', {}, null, resolve));
    connection.createSubscribeQuery('counters', {});
    const doc = connection.get<Counter>('counters', 'one');
    await ingestAndAdd(doc, 1, 1);
    await agree([doc], {n: 5, text: 'ab'});
  });

  it('is requested again if the server refuses to return its ops', async () => {
    const {open} = openHost();
    const [doc, other] = [open(), open()];
    await other.fetch();
    await change(add(2));
    let refused = 0;
    backend.use('op', (_, next) => next(refused++ ? undefined : new Error('not now')));
    await ingestAndAdd(doc, 2, 3);
    // The snapshot has what the ops lack.
    expect(refused).to.be.within(1, 4);
    await agree([doc], {n: 7, text: 'ab'});
  });

  it('is the beginning of a restored document\'s history', async () => {
    const {host, open} = openHost();
    await open().subscribe();
    host.close();
    await host.whenClosed;
    await goOnFromTheFirst(openHost());
  });

  it('is requested once during a bulk request', async () => {
    const {open} = openHost();
    const doc = open();
    await new Promise(resolve => doc.connection.once('connected', resolve));
    doc.connection.startBulk();
    const whenFetched = doc.fetch();
    void doc.ingestSnapshot(snapshot(1, 1) as never);
    doc.connection.endBulk();
    await whenFetched;
    await until('nothing is pending', () => !doc.hasPending());
  });

  it('is the beginning of the host\'s history', () => goOnFromTheFirst(openHost()));
});
