import {expect} from 'chai';
import {type as json1} from 'ot-json1';
import {types} from 'sharedb/lib/client/index.js';
import {SharedArray, SharedMap, SharedQueue, SharedRecord, readTransaction, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {CollectionsStage} from './stage.js';

type Loose = (...args: any[]) => any;
const codeOf = (error: unknown): unknown => (error as {code?: unknown}).code ?? (error as Error).name;
const MESSAGE_OF_OPTION = /^ERR_TABS_BAD_OPTION: /;
/** The code and the message of the error that a call throws, or that its promise rejects with. */
const complaint = async (act: () => unknown): Promise<string> => {
  try {
    await act();
  } catch (error) {
    return `${String(codeOf(error))}: ${(error as Error).message}`;
  }
  return 'no error';
};
/** The code of the error that a call throws, or that its promise rejects with. */
const refusal = async (act: () => unknown): Promise<unknown> => {
  try {
    return {value: await act()};
  } catch (error) {
    return codeOf(error);
  }
};

describe('collections with bad input', () => {
  let stage: CollectionsStage;
  let tab: ProxyConnection;
  beforeEach(() => {
    stage = new CollectionsStage();
    tab = stage.openTab();
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  it('refuse values without a constructor, and keys of any kind', async () => {
    const map = await SharedMap.open<any, any>(tab, 'm');
    expect(await refusal(() => map.set('a', Object.create(Object.create(Object.create(null) as object) as object)))).to.equal('ERR_TABS_BAD_VALUE');
    for (const key of [Object.create(null), Symbol('key'), undefined, null, NaN, {}]) expect(await refusal(() => map.get(key))).to.equal('ERR_TABS_BAD_KEY');
    expect(map.size).to.equal(0);
  });

  it('store no -0 and no sum that is too large', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm');
    map.set('n', -0);
    expect(Object.is(map.get('n'), 0)).to.equal(true);
    map.set('n', 1e308);
    expect(await refusal(() => map.increment('n', 1e308))).to.equal('ERR_TABS_BAD_VALUE');
    expect(await refusal(() => transaction(() => map.increment('n', 1e308)))).to.equal('ERR_TABS_BAD_VALUE');
    expect(map.get('n')).to.equal(1e308);
  });

  it('change nothing if one of the documents of a map would become too large', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm', {shards: 2, limits: {maxEntries: 4}});
    const entries = Array.from({length: 9}, (_, i): [string, number] => [`key ${i}`, i]);
    expect(await refusal(() => map.setMany(entries))).to.equal('ERR_TABS_LIMIT');
    expect([...map]).to.eql([]);
    await transaction(async tx => { expect(await refusal(() => tx.in(map).setMany(entries))).to.equal('ERR_TABS_LIMIT'); });
    expect([...map]).to.eql([]);
  });

  it('count all writes of a transaction against the limits', async () => {
    const map = await SharedMap.open<string, string>(tab, 'm', {limits: {maxEntries: 2, maxChars: 60}});
    const array = await SharedArray.open<number>(tab, 'a', {limits: {maxEntries: 2}});
    const add = (count: number) => (): void => { for (let i = 0; i < count; i++) array.push(i); };
    expect(await refusal(() => transaction(add(3)))).to.equal('ERR_TABS_LIMIT');
    expect(await refusal(() => transaction(() => { for (const key of ['a', 'b', 'c']) map.set(key, ''); }))).to.equal('ERR_TABS_LIMIT');
    expect(await refusal(() => transaction(() => { for (const key of ['a', 'b']) map.set(key, 'x'.repeat(30)); }))).to.equal('ERR_TABS_LIMIT');
    expect([map.size, array.length]).to.eql([0, 0]);
    await transaction(add(2));
    // What a transaction has removed makes room.
    await transaction(() => {
      array.shift();
      array.push(7);
    });
    expect([...array]).to.eql([1, 7]);
  });

  it('know a number as a key of a record by its string', async () => {
    const record = await SharedRecord.open<{1: string; 2?: string}>(tab, 'r', {initial: {1: 'a'}});
    expect(record.get(1)).to.equal('a');
    record.set(1, 'b');
    record.update({2: 'c'});
    expect([record.get(2), record.keys(), record.toObject()]).to.eql(['c', ['1', '2'], {1: 'b', 2: 'c'}]);
  });

  it('do not share a document with a map that is stored in several', async () => {
    const [map, other] = [await SharedMap.open<string, number>(tab, 'm', {shards: 2}), await SharedMap.open<string, number>(tab, 'm#1')];
    map.setMany(Array.from({length: 20}, (_, i) => [`key ${i}`, i]));
    expect([map.size, other.size]).to.eql([20, 0]);
  });

  it('treat indexes as Array does, or refuse them', async () => {
    const array = await SharedArray.open<number>(tab, 'a');
    for (const args of [[], [undefined], [-0.5], [-0.5, 1], [NaN], [1, NaN], [-Infinity, 1], ['1', '1']]) {
      array.splice(0, Infinity, 1, 2, 3);
      const model = [1, 2, 3];
      const deleted = (model.splice as Loose)(...args) as number[];
      expect([(array.splice as Loose)(...args), [...array]], JSON.stringify(args)).to.eql([deleted, model]);
    }
    for (const index of [-1, 0.5, NaN]) expect(await refusal(() => array.watchIndex(index)), String(index)).to.equal('RangeError');
  });

  it('refuse the prefix of local collections for a synced one', async () => {
    expect(await refusal(() => new SharedMap(tab, 'm', {scope: 'synced', collection: 'local:x'}))).to.equal('ERR_TABS_BAD_OPTION');
  });

  it('reject a call of a queue that the host refuses, and wait as long as asked', async () => {
    const queue = await SharedQueue.open<number>(tab, 'q');
    queue.enqueueMany([1, 2, 3]);
    for (const count of [0, -1, NaN, 1.5, '1']) expect(await refusal(() => (queue.dequeueMany as Loose)(count)), String(count)).to.equal('ERR_MESSAGE_BADLY_FORMED');
    expect(await queue.dequeueMany(3)).to.eql([1, 2, 3]);
    for (const timeout of [Infinity, 2 ** 40]) {
      const waiting = queue.dequeue({timeout});
      await new Promise(resolve => { setTimeout(resolve, 20); });
      queue.enqueue(4);
      expect(await waiting).to.equal(4);
    }
  });

  it('reject a call that waits for an item when the connection is closed', async () => {
    const queue = await SharedQueue.open<number>(tab, 'q');
    const waiting = refusal(() => queue.dequeue());
    tab.close();
    expect(await waiting).to.equal('ERR_TABS_CLOSED');
  });

  it('refuse to delete a collection that is closed', async () => {
    const map = await SharedMap.open<string, number>(tab, 'm');
    map.set('n', 1);
    await map.close();
    expect(await refusal(() => map.destroy())).to.equal('ERR_TABS_CLOSED');
    expect([...await SharedMap.open<string, number>(tab, 'm')]).to.eql([['n', 1]]);
  });

  it('refuse a document of another OT type', async () => {
    types.register(json1);
    const doc = tab.get('local:own', 'json1');
    await doc.subscribe();
    await doc.create({a: 1}, json1.uri);
    expect(await refusal(() => SharedMap.from(doc).ready)).to.equal('ERR_TABS_BAD_OPTION');
  });

  describe('name a wrong option, and change nothing', () => {
    interface Stock {
      tab: ProxyConnection;
      map: SharedMap<any, any>;
      array: SharedArray<any>;
      record: SharedRecord<any>;
      queue: SharedQueue<any>;
    }
    type Call = (stock: Stock, options: any) => unknown;
    /** Mistakes: the options, and what the message says of them. */
    type Mistakes = [options: unknown, says: string][];

    const signal: Mistakes = [
      [{singal: 1}, 'there is no option singal. Did you mean signal?'], [{signal: new AbortController()}, 'option signal takes an AbortSignal, not an object'],
      [{signal: 'a'}, 'option signal takes an AbortSignal, not a']
    ];
    const timeout: Mistakes = [
      [{timeuot: 5}, 'there is no option timeuot. Did you mean timeout?'], [{timeout: '5'}, 'option timeout takes a number of at least 0, not 5'],
      [{timeout: NaN}, 'option timeout takes a number of at least 0, not NaN'], [{timeout: -1}, 'option timeout takes a number of at least 0, not -1']
    ];
    const anyOptions: Mistakes = [
      [5, 'takes an object of options, not 5'], [null, 'takes an object of options, not null'], [new AbortController().signal, 'there is no option aborted'],
      [{constructor: 1}, 'there is no option constructor']
    ];
    const watch: Mistakes = [
      ...signal, ...anyOptions, [{imediate: true}, 'there is no option imediate. Did you mean immediate?'],
      [{immediate: 'yes'}, 'option immediate takes true or false, not yes'], [{remoteOnly: 1}, 'option remoteOnly takes true or false, not 1']
    ];
    const wait: Mistakes = [...signal, ...timeout, ...anyOptions];
    const transactions: Mistakes = [
      ...wait, [{maxretries: 1}, 'there is no option maxretries. Did you mean maxRetries?'],
      [{maxRetries: '1'}, 'option maxRetries takes a number of at least 0, not 1'], [{backof: 'linear'}, 'there is no option backof. Did you mean backoff?'],
      [{backoff: 'linaer'}, "option backoff takes 'linear' or 'exponential', not linaer"], [{untill: 'server'}, 'there is no option untill. Did you mean until?'],
      [{until: 'tab'}, "option until takes 'host' or 'server', not tab"]
    ];
    const limits: Mistakes = ['maxEntries', 'maxChars', 'maxValueChars', 'maxKeyLength'].map(name =>
      [{limits: {[name]: '10'}}, `limits: option ${name} takes a number of at least 0, not 10`]);
    const collection: Mistakes = [
      ...limits, ...anyOptions, [{limits: {maxEntires: 10}}, 'limits: there is no option maxEntires. Did you mean maxEntries?'],
      [{limits: 10}, 'option limits takes an object, not 10'], [{limit: {}}, 'there is no option limit. Did you mean limits?'],
      [{scop: 'synced'}, 'there is no option scop. Did you mean scope?'], [{scope: 'both'}, "option scope takes 'local' or 'synced', not both"],
      [{collection: 7}, 'option collection takes a name that does not begin with "local:", not 7'],
      [{collection: ''}, 'option collection takes a name that does not begin with "local:", not '],
      [{codec: null}, 'option codec takes {encode, decode}, two functions, not null'],
      [{codec: {encode: String, decod: Number}}, 'option codec takes {encode, decode}, two functions, not an object']
    ];

    const write: Call = ({map}, options) => transaction(() => map.set('n', 2), options);
    for (const [what, call, mistakes] of [
      ['new SharedMap', ({tab}, options) => new SharedMap(tab, 'other', options), [
        ...collection, [{shard: 2}, 'there is no option shard. Did you mean shards?'],
        ...[0, 1.5, 1025, '2', Infinity].map((shards): [object, string] => [{shards}, `option shards takes an integer from 1 to 1024, not ${shards}`]),
        [{initial: {}}, 'map "other": there is no option initial']
      ]],
      ['SharedArray.open', ({tab}, options) => SharedArray.open(tab, 'other', options), [...collection, [{shards: 2}, 'array "other": there is no option shards']]],
      ['SharedRecord.open', ({tab}, options) => SharedRecord.open(tab, 'other', options), [
        ...collection, [{inital: {}}, 'record "other": there is no option inital. Did you mean initial?'], [{initial: 'a'}, 'option initial takes an object, not a']
      ]],
      ['SharedQueue.open', ({tab}, options) => SharedQueue.open(tab, 'other', options), [
        ...collection, [{maxAttempt: 3}, 'queue "other": there is no option maxAttempt. Did you mean maxAttempts?'],
        ...[0, 1.5, '2', Infinity].flatMap((value): [object, string][] => [
          [{maxAttempts: value}, `option maxAttempts takes an integer of at least 1, not ${value}`],
          [{leaseTimeout: value}, `option leaseTimeout takes an integer of at least 1, not ${value}`]
        ])
      ]],
      ['map.watch', ({map}, options) => map.watch('n', options), watch],
      ['map.watchAll', ({map}, options) => map.watchAll(options), watch],
      ['record.watch', ({record}, options) => record.watch('n', options), watch],
      ['record.watchAll', ({record}, options) => record.watchAll(options), watch],
      ['array.watch', ({array}, options) => array.watch(options), watch],
      ['array.watchIndex', ({array}, options) => array.watchIndex(0, options), watch],
      ['queue.watchAll', ({queue}, options) => queue.watchAll(options), watch],
      ['map.flush', ({map}, options) => map.flush(options), [
        ...anyOptions, [{att: 'server'}, 'map "m", flush: there is no option att. Did you mean at?'], [{at: 'disk'}, "option at takes 'host' or 'server', not disk"]
      ]],
      ['queue.dequeue', ({queue}, options) => queue.dequeue(options), wait],
      ['queue.dequeueMany', ({queue}, options) => queue.dequeueMany(2, options), wait],
      ['queue.take', ({queue}, options) => queue.take(options), wait],
      ['queue.leases', ({queue}, options) => queue.leases(options), [...signal, ...anyOptions, [{timeout: 5}, 'there is no option timeout']]],
      ['transaction', write, transactions],
      ['a transaction in another one', (stock, options) => transaction(() => void write(stock, options)), transactions],
      ['map.update', ({map}, options) => map.update('n', () => 2, options), transactions],
      ['readTransaction', ({map}, options) => readTransaction(() => map.get('n') as unknown, options), [
        ...timeout, ...anyOptions, [{frehs: true}, 'there is no option frehs. Did you mean fresh?'], [{fresh: 'yes'}, 'option fresh takes true or false, not yes'],
        [{maxRetries: 1}, 'readTransaction: there is no option maxRetries']
      ]]
    ] satisfies [string, Call, Mistakes][]) {
      it(what, async () => {
        const [map, array, record, queue] = await Promise.all([
          SharedMap.open<any, any>(tab, 'm'), SharedArray.open<any>(tab, 'a'), SharedRecord.open<any>(tab, 'r', {initial: {n: 1}}), SharedQueue.open<any>(tab, 'q')
        ]);
        map.set('n', 1);
        array.push(1);
        queue.enqueue(1);
        const content = (): unknown => [[...map], [...array], record.toObject(), queue.size, queue.inFlight];
        const before = content();
        for (const [options, says] of mistakes) {
          const message = await complaint(() => call({tab, map, array, record, queue}, options));
          expect(message).to.match(MESSAGE_OF_OPTION).and.contain(says);
        }
        await map.flush();
        expect(content()).to.eql(before);
        expect(Object.keys(tab.collections['local:collections']!).sort()).to.eql(['array:a', 'map:m', 'queue:q', 'record:r']);
      });
    }

    it('and take each option that has no value as missing', async () => {
      const map = await SharedMap.open<string, number>(tab, 'm', {scope: undefined, collection: undefined, codec: undefined, limits: undefined, shards: undefined});
      await transaction(() => map.set('n', 1), {maxRetries: undefined, backoff: undefined, timeout: undefined, signal: undefined, until: undefined});
      expect(await map.watch('n', {signal: undefined, immediate: true, remoteOnly: undefined}).next()).to.have.nested.property('value.newValue', 1);
    });
  });
});
