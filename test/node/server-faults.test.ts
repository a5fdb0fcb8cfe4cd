import {expect} from 'chai';
import Backend from 'sharedb';
import {type Connection, logger} from 'sharedb/lib/client/index.js';
import {MemoryDB} from 'sharedb';
import {Host, type HostOptions} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {isFault} from '../../lib/host/server/server-faults.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {HandClock} from '../waiting/hand-clock.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Fault = {code?: string; message: string};
type Commit = (error: unknown, succeeded?: boolean) => void;

/** A database that is not available for a while. */
class FaultyDB extends MemoryDB {
  fault: Fault | undefined;
  /** It commits, and the answer is lost. */
  losesAnswers = false;
  readsFail = true;
  commits = 0;

  override commit(...args: [string, string, object, object, object, Commit]): void {
    this.commits++;
    const callback = args.pop() as Commit;
    if (this.fault && !this.losesAnswers) return void setImmediate(() => callback(this.fault));
    super.commit(...args as unknown as [string, string, object, object, object], ((error: unknown, succeeded?: boolean) => {
      callback(error ?? this.fault, succeeded);
    }) as never);
  }

  override getSnapshot(...args: unknown[]): void {
    const callback = args.at(-1) as (error: unknown) => void;
    if (this.fault && this.readsFail && !this.losesAnswers) return void setImmediate(() => callback(this.fault));
    (super.getSnapshot as (...all: unknown[]) => void).apply(this, args);
  }
}

const AWAY = {code: '57P01', message: 'terminating connection due to administrator command'};
const NOTE = {words: [] as string[]};

describe('a server whose database is unreachable', () => {
  let db: FaultyDB;
  let backend: Backend;
  let clock: HandClock;
  let host: Host;
  let tabs: ProxyConnection[];
  let channel: ReturnType<typeof memoryChannels>;

  function start(options: Partial<HostOptions> = {}): void {
    channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel, clock, store: {storage: new InMemoryStorage()}, warn: () => {}, ...options});
    tabs = [1, 2, 3].map(() => new ProxyConnection({channel, clock, warn: () => {}}));
  }

  beforeEach(() => {
    db = new FaultyDB();
    backend = new Backend({db, errorHandler: () => {}} as never);
    clock = new HandClock();
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    backend.close();
  });

  async function open(): Promise<ProxyDoc<typeof NOTE>[]> {
    const created = tabs[0]!.get('notes', 'a').create(structuredClone(NOTE));
    await clock.passUntil('it is created', created);
    const docs = tabs.map(tab => tab.get<typeof NOTE>('notes', 'a'));
    await clock.passUntil('all have it', Promise.all(docs.map(doc => doc.subscribe())));
    return docs;
  }

  async function server(): Promise<string[]> {
    const connection = backend.connect();
    const doc = connection.get('notes', 'a');
    await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve())));
    connection.close();
    return (doc.data as typeof NOTE).words;
  }

  const write = (doc: ProxyDoc<typeof NOTE>, word: string): Promise<unknown> =>
    doc.submitOp([{p: ['words', 0], li: word}]).then(() => undefined, (error: unknown) => error);

  it('gets all edits that three tabs have made meanwhile, and no tab loses one from view', async () => {
    start();
    const docs = await open();
    const vanished: unknown[] = [];
    for (const doc of docs) doc.on('op', ops => vanished.push(...(ops as {ld?: unknown}[]).filter(({ld}) => ld !== undefined)));
    db.fault = AWAY;
    const written: Promise<unknown>[] = [];
    for (let second = 0; second < 10; second++) {
      for (const [i, doc] of docs.entries()) written.push(write(doc, `${i}.${second}`));
      await clock.passSlowly(1000);
    }
    expect(tabs[1]!.status.serverFault).to.deep.equal({docs: 1, error: AWAY});
    db.fault = undefined;
    expect(await clock.passUntil('all is acknowledged', Promise.all(written))).to.eql(written.map(() => undefined));
    expect(vanished).to.eql([]);
    expect((await server()).toSorted()).to.eql(docs.flatMap((_, i) => Array.from({length: 10}, (__, second) => `${i}.${second}`)).toSorted());
    for (const doc of docs) expect(doc.data.words).to.eql(await server());
    expect(await clock.passUntil('letters', tabs[0]!.deadLetters.list())).to.eql([]);
    await clock.passSlowly(100);
    expect(tabs[1]!.status.serverFault).to.equal(undefined);
  });

  it('and that has committed an op before it failed does not apply it twice', async () => {
    start();
    const [doc, other] = await open();
    Object.assign(db, {fault: AWAY, losesAnswers: true});
    const written = write(doc!, 'once');
    await clock.passSlowly(300);
    db.fault = undefined;
    expect(await clock.passUntil('it is acknowledged', written)).to.equal(undefined);
    expect(await server()).to.eql(['once']);
    await clock.passSlowly(100);
    expect([doc!.data.words, other!.data.words]).to.eql([['once'], ['once']]);
  });

  it('gets requests with growing pauses, and no others', async () => {
    start();
    const [doc] = await open();
    db.fault = AWAY;
    db.commits = 0;
    void write(doc!, 'word');
    await clock.passSlowly(60_000);
    expect(db.commits).to.equal(0);
    expect(asked()).to.be.within(5, 14);
  });

  it('gets the op with a reconnect that happens meanwhile', async () => {
    start();
    const [doc] = await open();
    db.fault = AWAY;
    const written = write(doc!, 'word');
    await clock.passSlowly(700);
    const real = (host as unknown as {connection: Connection}).connection;
    real.close();
    await clock.passSlowly(100);
    db.fault = undefined;
    backend.connect(real);
    expect(await clock.passUntil('it is acknowledged', written)).to.equal(undefined);
    expect(await server()).to.eql(['word']);
  });

  // PostgreSQL's driver gives no code if the connection is lost during a query.
  it('accepts ops made while its driver reported lost connections without a code', async () => {
    start();
    const [doc, other] = await open();
    db.fault = {message: 'Connection terminated unexpectedly'};
    const written = write(doc!, 'word');
    await clock.passSlowly(3000);
    db.fault = undefined;
    expect(await clock.passUntil('it is acknowledged', written)).to.equal(undefined);
    expect(await server()).to.eql(['word']);
    await clock.passSlowly(100);
    expect(other!.data.words).to.eql(['word']);
  });

  it('does not make a refusal of an app a fault', async () => {
    start();
    const [doc, other] = await open();
    backend.use('submit', (_, next) => next(Object.assign(new Error('Not yours'), {code: 'ERR_FORBIDDEN'})));
    expect(await clock.passUntil('it is refused', write(doc!, 'word'))).to.include({code: 'ERR_FORBIDDEN'});
    await clock.passSlowly(100);
    expect([doc!.data.words, other!.data.words]).to.eql([[], []]);
  });

  it('uses the result of `isTransient`', async () => {
    start({isTransient: ({code}) => (code === 'ERR_BUSY' ? true : code === 'NOT_YOURS' ? false : undefined)});
    const [doc] = await open();
    let refusal: Fault | undefined = {code: 'NOT_YOURS', message: 'no'};
    backend.use('submit', (_, next) => next(refusal && Object.assign(new Error(refusal.message), refusal)));
    expect(await clock.passUntil('it is refused', write(doc!, 'word'))).to.include({code: 'NOT_YOURS'});
    refusal = {code: 'ERR_BUSY', message: 'later'};
    const written = write(doc!, 'later');
    await clock.passSlowly(60_000);
    refusal = undefined;
    expect(await clock.passUntil('it is acknowledged', written)).to.equal(undefined);
  });

  it('that can read, and never accepts an op, has refused it in the end', async () => {
    start();
    const [doc, other] = await open();
    Object.assign(db, {fault: {code: '22P05', message: 'unsupported Unicode escape sequence'}, readsFail: false});
    expect(await clock.passUntil('it is given up', write(doc!, '\0'))).to.include({code: '22P05'});
    await clock.passSlowly(100);
    expect([doc!.data.words, other!.data.words]).to.eql([[], []]);
    expect((await clock.passUntil('letters', tabs[0]!.deadLetters.list())).length).to.equal(1);
  });

  function asked(): number {
    return submits;
  }
  let submits = 0;
  beforeEach(() => {
    submits = 0;
    backend.use('submit', (_, next) => {
      submits++;
      next();
    });
  });
});

describe('an error of the server', () => {
  for (const code of [undefined, 'ERR_FORBIDDEN', 'SUBMIT_ERROR', 'ERR_OP_SUBMIT_REJECTED', 'NOT_YOURS', 400, 403, 499, 4000, 4001, 4999]) {
    it(`with code ${code} is a refusal`, () => { expect(isFault({code})).to.equal(false); });
  }
  for (const code of ['57P01', 'ECONNREFUSED', 42, 91, 399, 500, 1001, 3999, 5000, 11000]) {
    it(`with code ${code} is a fault`, () => { expect(isFault({code})).to.equal(true); });
  }
  for (const message of [
    'Connection terminated unexpectedly', 'timeout exceeded when trying to connect', 'Socket closed unexpectedly', 'Connection is closed.',
    'connection 3 to 127.0.0.1:27017 closed', 'Server selection timed out after 30000 ms', 'connect ECONNREFUSED 127.0.0.1:27017'
  ]) {
    it(`without a code and with the message of a driver, "${message}", is a fault`, () => { expect(isFault({message})).to.equal(true); });
  }
  for (const message of ['Not yours', 'Your connection is closed', 'connect your account first', '']) {
    it(`without a code and with "${message}" is a refusal`, () => { expect(isFault({message})).to.equal(false); });
  }
  it('with a code of the app and the message of a driver is a refusal', () => {
    expect(isFault({code: 'ERR_FORBIDDEN', message: 'Socket closed unexpectedly'})).to.equal(false);
  });
});
