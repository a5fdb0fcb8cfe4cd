import type {SharedArray, SharedMap, SharedRecord} from '../../lib/collections.js';
import type {Random} from '../support/random.js';

export type Value = number | string | {n: number[]};
export type Row = Partial<Record<'a' | 'b' | 'count' | '7', Value>>;

export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export function someValue(random: Random): Value {
  switch (random.below(3)) {
    case 0: return random.below(100);
    case 1: return `word ${random.below(9)}`;
    default: return {n: [random.below(9)]};
  }
}

/**
 * Makes one call on the map and on a plain Map.
 * @returns both results
 */
export function mapStep(random: Random, map: SharedMap<string, Value>, model: Map<string, Value>): [unknown, unknown] {
  const key = random.pick(['a', 'b', 'c', '1', '10', '2', '-1']);
  const value = someValue(random);
  switch (random.below(10)) {
    case 0: return [map.delete(key), model.delete(key)];
    case 1: return random.below(8) ? [map.get(key), model.get(key)] : [map.clear(), model.clear()];
    case 2: return [map.has(key), model.has(key)];
    case 3: return mapReads(random, map, model, key);
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

/** The order of keys is the replica's, and is not compared. */
function mapReads(random: Random, map: SharedMap<string, Value>, model: Map<string, Value>, key: string): [unknown, unknown] {
  switch (random.below(5)) {
    case 0: return [map.size, model.size];
    case 1: return [Object.fromEntries(map.getMany([key, 'x', 'none'])), Object.fromEntries([key, 'x'].filter(one => model.has(one)).map(one => [one, model.get(one)]))];
    case 2: return [[...map.keys()].sort(), [...model.keys()].sort()];
    case 3: return [[...map.values()].map(one => JSON.stringify(one)).sort(), [...model.values()].map(one => JSON.stringify(one)).sort()];
    default: {
      const seen: Record<string, Value> = {};
      map.forEach((one, name) => { seen[name] = one; });
      return [seen, Object.fromEntries(model)];
    }
  }
}

/** The same for an array. */
export function arrayStep(random: Random, array: SharedArray<Value>, model: Value[]): [unknown, unknown] {
  const at = random.below(model.length + 1);
  const value = someValue(random);
  switch (random.below(11)) {
    case 0: return [array.push(value, 'pushed'), model.push(value, 'pushed')];
    case 1: return [array.pop(), model.pop()];
    case 2: return [array.shift(), model.shift()];
    case 3: return [array.unshift(value), model.unshift(value)];
    case 4: {
      const [from, count] = [random.below(9) - 4, random.below(3)];
      return [array.splice(from, count, value, 'x'), model.splice(from, count, value, 'x')];
    }
    case 5: return [[array.at(-at), array.get(at)], [model.at(-at), model[at]]];
    case 6: {
      if (model.length < 2) return [0, 0];
      const [from, to] = [random.below(model.length), random.below(model.length)];
      model.splice(to, 0, ...model.splice(from, 1));
      return [array.move(from, to), undefined];
    }
    case 7: return random.below(5) ? [array.slice(1, 3), model.slice(1, 3)] : [array.clear(), void (model.length = 0)];
    case 8: return random.below(2) ? [[...array.entries()], [...model.entries()]] : [array.length, model.length];
    default:
      model[at] = value;
      return [array.set(at, value), undefined];
  }
}

/** The same for a record and a plain object. */
export function recordStep(random: Random, record: SharedRecord<Row>, model: Row): [unknown, unknown] {
  const [key, other] = [random.pick<keyof Row>(['a', 'b', 'count', '7']), random.pick<keyof Row>(['a', 'b', 'count', '7'])];
  const value = someValue(random);
  switch (random.below(7)) {
    case 0: {
      const had = key in model;
      delete model[key];
      return [record.delete(key), had];
    }
    case 1: return [record.get(key), model[key]];
    case 2: {
      if (other !== key) model[key] = value;
      return [record.update({[key]: value, ...(other === key && {[other]: undefined})}), undefined];
    }
    case 3: {
      model[key] = value;
      if (other !== key) delete model[other];
      return [record.assign({[key]: value, ...(other !== key && {[other]: undefined})}), undefined];
    }
    case 4: {
      if (typeof model[key] !== 'number') return [[...record.keys()].sort(), Object.keys(model).sort()];
      model[key] -= 2;
      return [record.increment(key, -2), undefined];
    }
    case 5: return [record.values().map(one => JSON.stringify(one)).sort(), Object.values(model).map(one => JSON.stringify(one)).sort()];
    default:
      model[key] = value;
      return [record.set(key, value), undefined];
  }
}
