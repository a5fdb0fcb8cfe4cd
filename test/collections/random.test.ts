import {expect} from 'chai';
import {SharedArray, SharedMap, type ArrayChangeEvent} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {Random} from '../karma/random.js';
import {until} from '../waiting/until.js';
import {Stage, turn} from './stage.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of histories of each kind. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 12);
const STEPS = 40;

type Value = number | string | {n: number[]};
const someValue = (random: Random): Value => random.pick<() => Value>([() => random.below(100), () => `word ${random.below(9)}`, () => ({n: [random.below(9)]})])();
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The scope of the documents, and the tabs that follow them. */
interface Kind {
  name: string;
  options: ConstructorParameters<typeof Stage>[0];
  /** Hosts may die, and the server may be away for all tabs of a host. */
  crashes: boolean;
  map(tab: ProxyConnection): Promise<SharedMap<string, Value>>;
  array(tab: ProxyConnection): Promise<SharedArray<Value>>;
}

async function ownDoc(tab: ProxyConnection, id: string, data: object): Promise<any> {
  const doc = tab.get('local:own', id);
  await doc.subscribe();
  if (!doc.type) await doc.create(data).catch(async () => { if (!doc.type) await doc.fetch(); });
  return doc;
}

const kinds: Kind[] = [
  {name: 'local', options: {}, crashes: true, map: tab => SharedMap.open(tab, 'm'), array: tab => SharedArray.open(tab, 'a')},
  {
    name: 'synced', options: {online: true}, crashes: true,
    map: tab => SharedMap.open(tab, 'm', {scope: 'synced'}), array: tab => SharedArray.open(tab, 'a', {scope: 'synced'})
  },
  {name: 'spread over documents', options: {}, crashes: true, map: tab => SharedMap.open(tab, 'wide', {shards: 3}), array: tab => SharedArray.open(tab, 'a')},
  {
    name: 'of documents of an app', options: {}, crashes: true,
    map: async tab => SharedMap.from(await ownDoc(tab, 'map', {})), array: async tab => SharedArray.from(await ownDoc(tab, 'array', []))
  },
  {
    name: 'with a host in the page, and no store', options: {place: 'direct', store: false}, crashes: false,
    map: tab => SharedMap.open(tab, 'm'), array: tab => SharedArray.open(tab, 'a')
  }
];

/**
 * Makes one call on the map and on a plain Map.
 * @returns both results
 */
function mapStep(random: Random, map: SharedMap<string, Value>, model: Map<string, Value>): [unknown, unknown] {
  const key = random.pick(['a', 'b', 'c', '1', '10', '2', '-1']);
  const value = someValue(random);
  switch (random.below(9)) {
    case 0: return [map.delete(key), model.delete(key)];
    case 1: return random.below(8) ? [map.get(key), model.get(key)] : [map.clear(), model.clear()];
    case 2: return [map.has(key), model.has(key)];
    case 3: return [map.size, model.size];
    case 4: {
      const entries = [['x', 1], [key, value], ['x', 2]] as [string, Value][];
      for (const [one, other] of entries) model.set(one, other);
      return [map.setMany(entries), undefined];
    }
    case 5: return [map.deleteMany([key, 'x']), Number(model.delete(key)) + Number(model.delete('x'))];
    case 6: {
      if (typeof model.get(key) !== 'number') return [0, 0];
      model.set(key, model.get(key) as number + 3);
      return [map.increment(key, 3), undefined];
    }
    default:
      model.set(key, value);
      return [map.set(key, value), undefined];
  }
}

function arrayStep(random: Random, array: SharedArray<Value>, model: Value[]): [unknown, unknown] {
  const at = random.below(model.length + 1);
  const value = someValue(random);
  switch (random.below(10)) {
    case 0: return [array.push(value, 'pushed'), model.push(value, 'pushed')];
    case 1: return [array.pop(), model.pop()];
    case 2: return [array.shift(), model.shift()];
    case 3: return [array.unshift(value), model.unshift(value)];
    case 4: {
      const [from, count] = [random.below(9) - 4, random.below(3)];
      return [array.splice(from, count, value, 'x'), model.splice(from, count, value, 'x')];
    }
    case 5: return [array.at(-at), model.at(-at)];
    case 6: {
      if (model.length < 2) return [0, 0];
      const [from, to] = [random.below(model.length), random.below(model.length)];
      model.splice(to, 0, ...model.splice(from, 1));
      return [array.move(from, to), undefined];
    }
    case 7: return random.below(5) ? [array.slice(1, 3), model.slice(1, 3)] : [array.clear(), void (model.length = 0)];
    default:
      model[at] = value;
      return [array.set(at, value), undefined];
  }
}

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

describe('random programs of several tabs', function () {
  this.timeout(120_000 + HISTORIES * 5_000);

  for (const kind of kinds) {
    it(`on collections that are ${kind.name}: as Map and Array, and all come to the same`, async () => {
      for (let seed = SEED; seed < SEED + HISTORIES; seed++) await history(kind, seed);
    });
  }

  async function history(kind: Kind, seed: number): Promise<void> {
    const random = new Random(seed);
    const stage = new Stage(kind.options);
    const problems: unknown[] = [];
    try {
      const all = await Promise.all(Array.from({length: 3}, () => stage.openTab()).map(async tab => {
        const [map, array] = [await kind.map(tab), await kind.array(tab)];
        return {map, array, shownMap: followMap(map), shownArray: followArray(array)};
      }));
      for (let step = 0; step < STEPS; step++) {
        const {map, array} = random.pick(all);
        const [mapModel, arrayModel] = [new Map(plain([...map])), plain(array.toArray())];
        const mapGave = plain([mapStep(random, map, mapModel)]);
        const arrayGave = plain([arrayStep(random, array, arrayModel)]);
        expect(mapGave[0]![0], `SEED=${seed}, step ${step}`).to.eql(mapGave[0]![1]);
        expect(arrayGave[0]![0], `SEED=${seed}, step ${step}`).to.eql(arrayGave[0]![1]);
        expect(Object.fromEntries(map), `SEED=${seed}, step ${step}`).to.eql(Object.fromEntries(mapModel));
        expect([...array], `SEED=${seed}, step ${step}`).to.eql(arrayModel);
        expect([map.size, array.length]).to.eql([mapModel.size, arrayModel.length]);
        if (random.below(3) === 0) await turn();
        if (kind.crashes && random.below(25) === 0) stage.replaceHost();
      }
      await until(`nothing is pending, SEED=${seed}`, () => !stage.tabs.some(tab => tab.hasPending()));
      const stateOf = ({map, array}: typeof all[number]): string => JSON.stringify([[...map].sort(([a], [b]) => (a < b ? -1 : 1)), [...array]]);
      await until(`all are the same, SEED=${seed}`, () => new Set(all.map(stateOf)).size === 1);
      await turn();
      for (const {map, array, shownMap, shownArray} of all) {
        expect(Object.fromEntries(shownMap), `SEED=${seed}`).to.eql(Object.fromEntries(map));
        expect(shownArray, `SEED=${seed}`).to.eql([...array]);
      }
      problems.push(...stage.errors);
    } finally {
      stage.close();
    }
    expect(problems, `SEED=${seed}`).to.eql([]);
  }
});
