import {expect} from 'chai';
import {isDeepStrictEqual} from 'node:util';
import {SharedArray, SharedMap, SharedRecord, type ArrayChangeEvent} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../support/random.js';
import {Ledger} from './ledger.js';
import {arrayStep, mapStep, plain, recordStep, someValue, type Row, type Value} from './models.js';
import {readArray, readMap, readOne, readRecord} from './readers.js';
import {CollectionsStage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of histories of each kind. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 12);
/** The steps of a history, at most. */
const STEPS = 40;

/** The scope of the documents, and the tabs that follow them. */
interface Kind {
  name: string;
  options: ConstructorParameters<typeof CollectionsStage>[0];
  /** Hosts may die, and the server may be away for all tabs of a host. */
  crashes: boolean;
  /** Each tab has a host of its own, as in the mode 'direct'. Between hosts, no transaction is serialisable. */
  isDirect?: boolean;
  map(tab: ProxyConnection, name: string): Promise<SharedMap<string, Value>>;
  array(tab: ProxyConnection, name: string): Promise<SharedArray<Value>>;
  record(tab: ProxyConnection): Promise<SharedRecord<Row>>;
}

async function ownDoc(tab: ProxyConnection, collection: string, id: string, data: object): Promise<any> {
  const doc = tab.get(collection, id);
  await doc.subscribe();
  if (!doc.type) await doc.create(data).catch(async () => { if (!doc.type) await doc.fetch(); });
  return doc;
}

const local = {
  map: (tab: ProxyConnection, name: string) => SharedMap.open<string, Value>(tab, name),
  array: (tab: ProxyConnection, name: string) => SharedArray.open<Value>(tab, name),
  record: (tab: ProxyConnection) => SharedRecord.open<Row>(tab, 'r')
};

const synced = {
  map: (tab: ProxyConnection, name: string) => SharedMap.open<string, Value>(tab, name, {scope: 'synced'}),
  array: (tab: ProxyConnection, name: string) => SharedArray.open<Value>(tab, name, {scope: 'synced'}),
  record: (tab: ProxyConnection) => SharedRecord.open<Row>(tab, 'r', {scope: 'synced'})
};

const from = (collection: string): Pick<Kind, 'map' | 'array' | 'record'> => ({
  map: async (tab, name) => SharedMap.from(await ownDoc(tab, collection, `map ${name}`, {})),
  array: async (tab, name) => SharedArray.from(await ownDoc(tab, collection, `array ${name}`, [])),
  record: async tab => SharedRecord.from(await ownDoc(tab, collection, 'record', {}))
});

const kinds: Kind[] = [
  {name: 'local', options: {}, crashes: true, ...local},
  {name: 'synced', options: {online: true}, crashes: true, ...synced},
  {...local, name: 'spread over documents', options: {}, crashes: true, map: (tab, name) => SharedMap.open(tab, `wide ${name}`, {shards: 3})},
  {name: 'of documents of an app', options: {}, crashes: true, ...from('local:own')},
  {name: 'of synced documents of an app', options: {online: true}, crashes: true, ...from('own')},
  {name: 'with a host in the page, and no store', options: {place: 'direct', store: false}, crashes: false, ...local},
  {name: 'synced, with a host in each page, and no store', options: {place: 'direct', store: false}, crashes: false, isDirect: true, ...synced},
  {name: 'of documents of an app, with a host in each page, and no store', options: {place: 'direct', store: false}, crashes: false, isDirect: true, ...from('own')}
];

/** The values of a listener that uses only the change events. */
function followArray(array: SharedArray<Value>): Value[] {
  const shown: Value[] = [...array];
  array.on((event: ArrayChangeEvent<Value>) => {
    switch (event.type) {
      case 'splice': return void shown.splice(event.index, event.deleted.length, ...event.inserted);
      case 'set': return void (shown[event.index] = event.newValue);
      case 'move': return void shown.splice(event.to, 0, ...shown.splice(event.from, 1));
      case 'reset': return void shown.splice(0, shown.length, ...event.newValue);
    }
  });
  return shown;
}

function followMap(map: SharedMap<string, Value>): Map<string, Value> {
  const shown = new Map(map);
  map.on(({type, key, newValue}) => {
    if (type === 'delete') shown.delete(key);
    else shown.set(key, newValue!);
  });
  return shown;
}

/** Its function may run several times. Others may overwrite its result before it is known here. */
async function update(random: Random, map: SharedMap<string, Value>, problems: unknown[]): Promise<void> {
  const value = random.below(3) ? someValue(random) : undefined;
  let made: unknown = 'it has not run';
  const result = await map.update(random.pick(['a', 'b', '10']), old => (made = typeof old === 'number' ? old + 1 : value) as Value | undefined, {maxRetries: 1000, timeout: 60_000});
  if (!isDeepStrictEqual(result, made)) problems.push(`update gave ${JSON.stringify(result)} for ${JSON.stringify(made)}`);
}

/** As `eql`, but quick when they are equal. */
function expectSame(is: unknown, expected: unknown, where: string): void {
  if (!isDeepStrictEqual(is, expected)) expect(is, where).to.eql(expected);
}

describe('random programs of several tabs', function () {
  this.timeout(120_000 + HISTORIES * 1_000);

  for (const kind of kinds) {
    it(`on collections that are ${kind.name}: as Map, Array and object, and all come to the same`, async () => {
      for (let seed = SEED; seed < SEED + HISTORIES; seed++) await VirtualTime.run(time => history(kind, seed, time));
    });
  }

  async function history(kind: Kind, seed: number, time: VirtualTime): Promise<void> {
    const random = new Random(seed);
    const stage = new CollectionsStage(kind.options);
    const problems: unknown[] = [];
    const updates: Promise<void>[] = [];
    try {
      const tabs = [1, 2, 3].map(() => (kind.isDirect ? stage.openDevice(kind.options).tab : stage.openTab()));
      const all = await time.settled(Promise.all(tabs.map(async tab => {
        const [map, array, record] = [await kind.map(tab, 'm'), await kind.array(tab, 'a'), await kind.record(tab)];
        return {
          map, array, record, shownMap: followMap(map), shownArray: followArray(array),
          maps: [readMap(map, problems)], arrays: [readArray(array, problems)], records: [readRecord(record, problems)],
          ones: [readOne(map.watch('a'), map.get('a'), problems), readOne(array.watchIndex(1), array.get(1), problems)] as const
        };
      })));
      const ledger = kind.isDirect || random.below(2) ? undefined : await Ledger.open(await time.settled(Promise.all(tabs.map(async tab => ({
        sums: await kind.map(tab, 'sums'), table: await kind.map(tab, 'table'), shelf: await kind.array(tab, 'shelf')
      })))), time);
      for (let steps = 1 + random.below(STEPS); steps; steps--) {
        const where = `SEED=${seed}, ${steps} steps before the end`;
        const {map, array, record, maps, arrays, records, ones} = random.pick(all);
        const [mapModel, arrayModel, recordModel] = [new Map(plain([...map])), plain(array.toArray()), plain(record.toObject())];
        const gave = [mapStep(random, map, mapModel), arrayStep(random, array, arrayModel), recordStep(random, record, recordModel)];
        for (const [is, expected] of gave) expectSame(is, expected, where);
        expectSame(Object.fromEntries(map), Object.fromEntries(mapModel), where);
        expectSame([...array], arrayModel, where);
        expectSame(record.toObject(), recordModel, where);
        if (map.size !== mapModel.size || array.length !== arrayModel.length) expect.fail(`wrong size, ${where}`);
        if (random.below(4) === 0) updates.push(update(random, map, problems));
        if (random.below(3) === 0) ledger?.step(random);
        // An idle watcher merges what waits.
        for (const reader of [...maps, ...arrays, ...records, ...ones]) if (random.below(6) === 0) reader.ask();
        // It begins with the call, in the middle of a turn.
        if (random.below(20) === 0) maps.push(readMap(map, problems));
        if (random.below(20) === 0) arrays.push(readArray(array, problems));
        if (random.below(3) === 0) await time.turn();
        if (kind.crashes && random.below(25) === 0) stage.replaceHost();
      }
      await time.settled(Promise.all(updates));
      await ledger?.settle();
      await time.until(`nothing is pending, SEED=${seed}`, () => !tabs.some(tab => tab.hasPending()));
      const stateOf = ({map, array, record}: typeof all[number]): string =>
        JSON.stringify([[...map].sort(([a], [b]) => (a < b ? -1 : 1)), [...array], record.keys().sort().map(key => record.get(key))]);
      await time.until(`all are the same, SEED=${seed}`, () => new Set(all.map(stateOf)).size === 1);
      await time.turn();
      await ledger?.end();
      problems.push(...ledger?.faults ?? []);
      for (const {map, array, record, shownMap, shownArray, maps, arrays, records, ones} of all) {
        expectSame(Object.fromEntries(shownMap), Object.fromEntries(map), `events, SEED=${seed}`);
        expectSame(shownArray, [...array], `events, SEED=${seed}`);
        const shown = plain([Object.fromEntries(map), [...array], record.toObject(), map.get('a') ?? null, array.get(1) ?? null]);
        for (const one of [map, array, record]) void one.close();
        await time.until(`the watchers are done, SEED=${seed}`, () => ![...maps, ...arrays, ...records, ...ones].filter(reader => !reader.drain()).length);
        const told = [
          ...maps.map(one => [0, Object.fromEntries(one.shown)]), ...arrays.map(one => [1, one.shown]), ...records.map(one => [2, one.shown]),
          ...ones.map((one, i) => [3 + i, one.shown[0] ?? null])
        ] as const;
        for (const [which, state] of told) expectSame(state, shown[which as number], `watchers, SEED=${seed}`);
      }
      problems.push(...stage.errors);
    } finally {
      stage.close();
    }
    expectSame(problems, [], `SEED=${seed}`);
  }
});
