import {expect} from 'chai';
import textUnicode from 'ot-text-unicode';
import Backend from 'sharedb';
import {logger, types} from 'sharedb/lib/client/index.js';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {HandClock} from '../waiting/hand-clock.js';

types.register(textUnicode.type as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const AWAY = {code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:5432'};
const REFUSED = {code: 'ERR_NO', message: 'No'};

type Answer = (error: unknown, result?: unknown) => void;

/** A database that can't read ops for a while. */
class OpsAwayDB extends BasicQueryableMemoryDB {
  isAway = false;

  override getOps(collection: string, id: string, from: number, to: number | null, options: unknown, callback: Answer): void {
    if (this.isAway) return void setImmediate(() => callback(AWAY));
    super.getOps(collection, id, from, to, options as never, callback as never);
  }
}

describe('a server that can\'t read for a moment', () => {
  let db: OpsAwayDB;
  let backend: Backend & {suppressPublish?: boolean};
  let clock: HandClock;
  let host: Host;
  let tabs: ProxyConnection[];
  let areSnapshotsAway: boolean;

  beforeEach(async () => {
    db = new OpsAwayDB();
    areSnapshotsAway = false;
    backend = new Backend({db, errorHandler: () => {}} as never);
    backend.use('readSnapshots', (_context, next) => next(areSnapshotsAway ? AWAY : undefined));
    backend.use('submit', (context, next) => next(JSON.stringify(context.op).includes('"d":1') ? REFUSED : undefined));
    clock = new HandClock();
    const channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel, clock, store: {storage: new InMemoryStorage()}, warn: () => {}});
    tabs = [1, 2].map(() => new ProxyConnection({channel, clock, warn: () => {}}));
    await clock.passSlowly(100);
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    backend.close();
  });

  const done = <T>(what: string, promise: Promise<T>): Promise<T> => clock.passUntil(what, promise);

  async function remote(): Promise<any> {
    const doc = backend.connect().get('texts', 'a');
    await done('a remote client has it', new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error as never) : resolve()))));
    return doc;
  }

  async function open(): Promise<[ProxyDoc<string>, ProxyDoc<string>]> {
    const created = await remote();
    await done('it is created', new Promise<void>(resolve => created.create('ab', textUnicode.type.uri, () => resolve())));
    const docs = tabs.map(tab => tab.get<string>('texts', 'a'));
    await done('both follow it', Promise.all(docs.map(doc => doc.subscribe())));
    return docs as [ProxyDoc<string>, ProxyDoc<string>];
  }

  it('ends a document that is closed before its subscription fails', async () => {
    areSnapshotsAway = true;
    const doc = tabs[0]!.get('texts', 'a');
    const subscribed = doc.subscribe().then(() => 'subscribed', (error: Error) => error.message);
    doc.unsubscribe();
    expect(await done('it has failed', subscribed)).to.equal(AWAY.message);
    await done('nothing is pending', new Promise<void>(resolve => tabs[0]!.whenNothingPending(() => resolve())));
  });

  it('accepts an edit later, although the ops before it could not be read', async () => {
    const [doc] = await open();
    backend.suppressPublish = true;
    const other = await remote();
    await done('somebody else writes', new Promise<void>(resolve => other.submitOp(['x'], () => resolve())));
    backend.suppressPublish = false;
    db.isAway = true;
    const written = doc.submitOp([2, 'y']);
    await clock.passSlowly(300);
    db.isAway = false;
    await done('it is taken', written);
    expect((await remote()).data).to.equal('xaby');
    expect(doc.data).to.equal('xaby');
    expect(await done('letters', tabs[0]!.deadLetters.list())).to.eql([]);
  });

  it('causes no loss of an op when it refuses the op of another client', async () => {
    const [one, other] = await open();
    areSnapshotsAway = true;
    const refused = one.submitOp([{d: 1}]).then(() => undefined, (error: {code?: string}) => error.code);
    const kept = other.submitOp([2, 'y']);
    await clock.passSlowly(3000);
    expect(tabs[1]!.status.serverFault?.error).to.deep.equal(AWAY);
    areSnapshotsAway = false;
    expect(await done('it is refused', refused)).to.equal(REFUSED.code);
    await done('the other is taken', kept);
    expect((await remote()).data).to.equal('aby');
    expect([one.data, other.data]).to.eql(['aby', 'aby']);
    await clock.passSlowly(100);
    expect(tabs[1]!.status.serverFault).to.equal(undefined);
  });
});
