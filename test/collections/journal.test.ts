import {expect} from 'chai';
import {SharedMap, transaction} from '../../lib/collections.js';
import {IndexedDbStorage} from '../../lib/store/indexed-db-storage.js';
import type {Change} from '../../lib/store/storage.js';
import {withIndexedDb} from '../store/disks.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {until} from '../waiting/until.js';
import {CollectionsStage} from './stage.js';

describe('the journal of transactions', () => {
  let storage: TroubledStorage;
  let stage: CollectionsStage;
  beforeEach(() => {
    storage = new TroubledStorage();
    stage = new CollectionsStage({store: {storage}});
  });
  afterEach(() => stage.close());

  const open = async (): Promise<SharedMap<string, number>[]> => {
    const tab = stage.openTab();
    return [await SharedMap.open<string, number>(tab, 'one'), await SharedMap.open<string, number>(tab, 'two')];
  };
  const both = ([one, two]: SharedMap<string, number>[]) => transaction(() => {
    one!.set('n', (one!.get('n') ?? 0) + 1);
    two!.set('n', (two!.get('n') ?? 0) + 1);
  });
  const partsIn = (changes: readonly Change[]): Change[] => changes.filter(change => change.type === 'append' && change.isTogether);

  it('contains all parts of a transaction in one write', async () => {
    const maps = await open();
    await both(maps);
    const writes = storage.writes.filter(changes => partsIn(changes).length);
    expect(writes.map(changes => new Set(partsIn(changes).map(change => change.type !== 'meta' && change.key[1])).size)).to.eql([2]);
  });

  it('resolves, and shows it, only when it is written', async () => {
    const maps = await open();
    const theirs = await open();
    await until('all is written', () => !stage.tabs.some(tab => tab.hasPending()));
    storage.hold();
    let isDone = false;
    const done = both(maps).then(() => { isDone = true; });
    await until('it is being written', () => storage.writes.some(changes => partsIn(changes).length));
    for (let i = 0; i < 20; i++) await new Promise(resolve => { setImmediate(resolve); });
    expect([isDone, theirs[0]!.get('n'), maps[0]!.get('n')]).to.eql([false, undefined, undefined]);
    storage.release();
    await done;
    await until('it is shown', () => theirs[1]!.get('n') === 1);
  });

  it('continues while the disk is full, and contains everything afterwards', async () => {
    const maps = await open();
    await both(maps);
    storage.fail('write', new DOMException('The disk is full', 'QuotaExceededError'));
    await both(maps);
    expect(maps.map(map => map.get('n'))).to.eql([2, 2]);
    expect(stage.host.inspect().durable).to.equal(false);
    storage.fail('write');
    await until('it is written', () => stage.host.inspect().durable);
    await stage.restart();
    expect((await open()).map(map => map.get('n'))).to.eql([2, 2]);
  });

  it('writes both documents, or none, if one value can\'t be written', async () => {
    const maps = await open();
    await both(maps);
    const {write} = storage;
    // A write that includes the second document fails because of its values.
    storage.write = function (changes, epoch) {
      const isBad = changes.some(change => change.type === 'append' && change.key[1] === 'map:two');
      return isBad ? Promise.reject(new DOMException('Not to be stored', 'DataCloneError')) : write.call(this, changes, epoch);
    };
    await both(maps);
    const areWritten = async (): Promise<boolean[]> => {
      const records = await storage.disk.read([['local:collections', 'map:one'], ['local:collections', 'map:two']]);
      return records.map(({checkpoint = '', journal}) => [checkpoint, ...journal.map(({record}) => record)].some(text => /"(?:oi|n)":2/.test(text)));
    };
    expect(await areWritten()).to.eql([false, false]);
    storage.write = write;
    await until('both are written', async () => (await areWritten()).every(Boolean));
  });
});

describe('a transaction of a host that has been replaced', () => {
  withIndexedDb();

  it('leaves nothing in IndexedDB, not even one document\'s part', async () => {
    const [late, next] = [new IndexedDbStorage(), new IndexedDbStorage()];
    await late.open('default');
    await late.claim('late');
    const part = (id: string, n: number, record: string): Change => ({type: 'append', key: ['local:c', id], n, record, isTogether: true});
    await late.write([part('one', 1, 'first'), part('two', 1, 'first')], 'late');
    await next.open('default');
    await next.claim('next');
    const error = await late.write([part('one', 2, 'second'), part('two', 2, 'second')], 'late').catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'ERR_TABS_FENCED');
    // Only one of the two documents gets another op, as the next host would write it.
    await next.write([{type: 'append', key: ['local:c', 'two'], n: 2, record: 'other'}], 'next');
    const read = await next.read([['local:c', 'one'], ['local:c', 'two']]);
    expect(read.map(({journal}) => journal.map(({record}) => record))).to.eql([['first'], ['first', 'other']]);
    late.close();
    next.close();
  });
});
