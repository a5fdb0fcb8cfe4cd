import {types} from 'sharedb/lib/client/index.js';
import type {Random} from '../support/random.js';

type Path = (string | number)[];
type Component = {p: Path} & Record<string, unknown>;
export type Op = Component[];

const KEYS = ['a', 'b', 'c', 'd', 'e', '0', '1'];

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Values of the kinds that json0 has components for. */
export function randomValue(random: Random, depth: number): unknown {
  const kind = random.below(depth > 0 ? 6 : 3);
  if (kind === 0) return random.below(100);
  if (kind === 1) return 'text'.slice(0, 1 + random.below(4));
  if (kind === 2) return random.pick([true, false, 7, 'x']);
  if (kind === 3) return Array.from({length: random.below(4)}, () => randomValue(random, depth - 1));
  const keys = KEYS.filter(() => random.below(2) === 0);
  return Object.fromEntries(keys.map(key => [key, randomValue(random, depth - 1)]));
}

/** A document whose root is an object, or, now and then, a list. */
export function randomData(random: Random): unknown {
  if (random.below(10) === 0) return Array.from({length: 3}, () => randomValue(random, 2));
  return Object.fromEntries(KEYS.filter(() => random.below(4) > 0).map(key => [key, randomValue(random, 2)]));
}

/** A valid op on the data. Most of the time its components have different first keys, as the ops of a map have. */
export function randomOp(random: Random, data: unknown): Op {
  let current = copy(data);
  const op: Op = [];
  const used = new Set<unknown>();
  const mayRepeat = random.below(5) === 0;
  for (let left = 1 + random.below(5), tries = 0; left > 0 && tries < 30; tries++) {
    const component = randomComponent(random, current);
    if (!component || (!mayRepeat && used.has(component.p[0]))) continue;
    used.add(component.p[0]);
    current = types.defaultType.apply(current, [copy(component)]) as unknown;
    op.push(component);
    left--;
  }
  return op;
}

function randomComponent(random: Random, data: unknown): Component | undefined {
  let parent = data;
  const p: Path = [];
  for (;;) {
    if (Array.isArray(parent)) {
      const index = random.below(parent.length + 1);
      p.push(index);
      const old = parent[index] as unknown;
      if (index < parent.length && old && typeof old === 'object' && random.below(2)) { parent = old; continue; }
      return listComponent(random, p, parent.length, old);
    }
    const key = random.pick(KEYS);
    const old = (parent as Record<string, unknown>)[key];
    p.push(key);
    if (old && typeof old === 'object' && random.below(2)) { parent = old; continue; }
    return objectComponent(random, p, old);
  }
}

function listComponent(random: Random, p: Path, length: number, old: unknown): Component | undefined {
  const index = p.at(-1) as number;
  if (index === length || random.below(3) === 0) return {p, li: randomValue(random, 1)};
  const changed = valueComponent(random, p, old);
  if (changed) return changed;
  return random.pick([{p, ld: copy(old)}, {p, ld: copy(old), li: randomValue(random, 1)}, {p, lm: random.below(length)}]);
}

function objectComponent(random: Random, p: Path, old: unknown): Component {
  if (old === undefined) return {p, oi: randomValue(random, 1)};
  const changed = valueComponent(random, p, old);
  if (changed) return changed;
  return random.pick([{p, od: copy(old)}, {p, od: copy(old), oi: randomValue(random, 1)}]);
}

function valueComponent(random: Random, p: Path, old: unknown): Component | undefined {
  if (typeof old === 'number' && random.below(2)) return {p, na: 1 + random.below(5)};
  if (typeof old !== 'string' || random.below(2)) return undefined;
  const at = random.below(old.length + 1);
  if (at === old.length || random.below(2)) return random.below(2) ? {p: [...p, at], si: 'y'} : {p, t: 'text0', o: [{p: at, i: 'z'}]};
  return random.below(2) ? {p: [...p, at], sd: old[at]!} : {p, t: 'text0', o: [{p: at, d: old[at]!}]};
}
