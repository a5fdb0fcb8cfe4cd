import {expect} from 'chai';
import {isDeepStrictEqual} from 'node:util';
import {SharedArray, SharedMap, SharedRecord, type ArrayChangeEvent} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../support/random.js';
import {arrayStep, mapStep, plain, recordStep, type Row, type Value} from './models.js';
import {Stage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of histories of each kind. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 30);
/** The steps of a history, at most. */
const STEPS = 40;

/** The scope of the documents, and the tabs that follow them. */
interface Kind {
  name: string;
  options: ConstructorParameters<typeof Stage>[0];
  /** Hosts may die, and the server may be away for all tabs of a host. */
  crashes: boolean;
  map(tab: ProxyConnection): Promise<SharedMap<string, Value>>;
  array(tab: ProxyConnection): Promise<SharedArray<Value>>;
  record(tab: ProxyConnection): Promise<SharedRecord<Row>>;
}

async function ownDoc(tab: ProxyConnection, id: string, data: object): Promise<any> {
  const doc = tab.get('local:own', id);
  await doc.subscribe();
  if (!doc.type) await doc.create(data).catch(async () => { if (!doc.type) await doc.fetch(); });
  return doc;
}

const local = {
  map: (tab: ProxyConnection) => SharedMap.open<string, Value>(tab, 'm'),
  array: (tab: ProxyConnection) => SharedArray.open<Value>(tab, 'a'),
  record: (tab: ProxyConnection) => SharedRecord.open<Row>(tab, 'r')
};

const kinds: Kind[] = [
  {name: 'local', options: {}, crashes: true, ...local},
  {
    name: 'synced', options: {online: true}, crashes: true,
    map: tab => SharedMap.open(tab, 'm', {scope: 'synced'}), array: tab => SharedArray.open(tab, 'a', {scope: 'synced'}),
    record: tab => SharedRecord.open(tab, 'r', {scope: 'synced'})
  },
  {...local, name: 'spread over documents', options: {}, crashes: true, map: tab => SharedMap.open(tab, 'wide', {shards: 3})},
  {
    name: 'of documents of an app', options: {}, crashes: true,
    map: async tab => SharedMap.from(await ownDoc(tab, 'map', {})), array: async tab => SharedArray.from(await ownDoc(tab, 'array', [])),
    record: async tab => SharedRecord.from(await ownDoc(tab, 'record', {}))
  },
  {name: 'with a host in the page, and no store', options: {place: 'direct', store: false}, crashes: false, ...local}
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
    const stage = new Stage(kind.options);
    const problems: unknown[] = [];
    try {
      const all = await time.settled(Promise.all(Array.from({length: 3}, () => stage.openTab()).map(async tab => {
        const [map, array, record] = [await kind.map(tab), await kind.array(tab), await kind.record(tab)];
        return {map, array, record, shownMap: followMap(map), shownArray: followArray(array)};
      })));
      for (let steps = 1 + random.below(STEPS); steps; steps--) {
        const where = `SEED=${seed}, ${steps} steps before the end`;
        const {map, array, record} = random.pick(all);
        const [mapModel, arrayModel, recordModel] = [new Map(plain([...map])), plain(array.toArray()), plain(record.toObject())];
        const gave = [mapStep(random, map, mapModel), arrayStep(random, array, arrayModel), recordStep(random, record, recordModel)];
        for (const [is, expected] of gave) expectSame(is, expected, where);
        expectSame(Object.fromEntries(map), Object.fromEntries(mapModel), where);
        expectSame([...array], arrayModel, where);
        expectSame(record.toObject(), recordModel, where);
        if (map.size !== mapModel.size || array.length !== arrayModel.length) expect.fail(`wrong size, ${where}`);
        if (random.below(3) === 0) await time.turn();
        if (kind.crashes && random.below(25) === 0) stage.replaceHost();
      }
      await time.until(`nothing is pending, SEED=${seed}`, () => !stage.tabs.some(tab => tab.hasPending()));
      const stateOf = ({map, array, record}: typeof all[number]): string =>
        JSON.stringify([[...map].sort(([a], [b]) => (a < b ? -1 : 1)), [...array], record.keys().sort().map(key => record.get(key))]);
      await time.until(`all are the same, SEED=${seed}`, () => new Set(all.map(stateOf)).size === 1);
      await time.turn();
      for (const {map, array, shownMap, shownArray} of all) {
        expectSame(Object.fromEntries(shownMap), Object.fromEntries(map), `events, SEED=${seed}`);
        expectSame(shownArray, [...array], `events, SEED=${seed}`);
      }
      problems.push(...stage.errors);
    } finally {
      stage.close();
    }
    expectSame(problems, [], `SEED=${seed}`);
  }
});
