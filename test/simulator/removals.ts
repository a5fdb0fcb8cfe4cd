import {types} from 'sharedb/lib/client/index.js';
import type {Random} from '../support/random.js';
import type {Edits} from './edits.js';

/** Content beside the words. Ops remove, replace and move it; they contain the removed value, no value, or a wrong one. */
interface Filler {
  /** The first content of a document of the type, with the filler. */
  start(start: unknown): unknown;
  change(data: any, random: Random): unknown;
  /** The addition that the server makes to an op. */
  fixup: unknown;
}

const json0: Filler = {
  start: start => ({...start as object, slots: {x: 'q0', y: 'q1'}, queue: ['q0', 'q1', 'q2'], fixups: 0}),
  change({slots, queue}: {slots: Record<string, string>; queue: string[]}, random) {
    const key = random.pick(Object.keys(slots));
    const at = random.below(queue.length);
    // A list that contains only a number would look like a word.
    const value = `q${random.below(100)}`;
    switch (random.below(queue.length > 1 ? 5 : 2)) {
      case 0: return [{p: ['slots', key], oi: value, ...random.pick([{}, {od: slots[key]}, {od: 'stale'}])}];
      case 1: return [{p: ['queue', random.below(queue.length + 1)], li: value}];
      case 2: return [{p: ['queue', at], ld: random.pick([queue[at], 'stale'])}];
      case 3: return [{p: ['queue', at], ld: random.pick([queue[at], 'stale']), li: value}];
      default: return [{p: ['queue', at], lm: random.below(queue.length)}];
    }
  },
  fixup: [{p: ['fixups'], na: 1}]
};

const placesOf = (text: string): number[] => [...text].flatMap((letter, i) => (letter === '.' ? [i] : []));
const skip = (count: number): number[] => (count ? [count] : []);

const text: Filler = {
  start: () => '....',
  change(data: string, random) {
    const places = placesOf(data);
    if (places.length < 2 || random.below(3) === 0) return ['.'];
    return [...skip(random.pick(places)), {d: random.pick<unknown>([1, '.', '#'])}];
  },
  fixup: ['.']
};

const richText: Filler = {
  start: () => [{insert: '....\n'}],
  change({ops}: {ops: {insert: string}[]}, random) {
    const places = placesOf(ops.map(({insert}) => insert).join(''));
    if (places.length < 2 || random.below(3) === 0) return {ops: [{insert: '.'}]};
    const at = random.pick(places);
    return {ops: [...(at ? [{retain: at}] : []), random.pick<object>([{delete: 1}, {retain: 1, attributes: {bold: random.below(2) ? true : null}}])]};
  },
  fixup: {ops: [{insert: '.'}]}
};

const json1: Filler = {
  start: start => ({...start as object, queue: ['q0', 'q1', 'q2']}),
  change({queue}: {queue: string[]}, random) {
    const at = random.below(queue.length);
    const to = random.below(queue.length);
    switch (random.below(queue.length > 1 ? 3 : 1)) {
      case 0: return ['queue', random.below(queue.length + 1), {i: `q${random.below(100)}`}];
      case 1: return ['queue', at, {r: random.pick<unknown>([true, queue[at]])}];
      default: return at === to ? null : ['queue', ...[[at, {p: 0}], [to, {d: 0}]].sort(([a], [b]) => (a as number) - (b as number))];
    }
  },
  fixup: ['queue', 0, {i: 'added'}]
};

const fillers: Record<string, Filler> = {json0, 'text-unicode': text, 'rich-text': richText, json1};

/** The same edits; two of three also change the filler. */
export function withRemovals(edits: Edits): Edits {
  const {start, change} = fillers[edits.type]!;
  return {
    ...edits,
    start: start(edits.start),
    next(data, random, word) {
      const op = edits.next(data, random, word);
      if (random.below(3) === 0) return op;
      const {apply, compose} = types.map[edits.type]!;
      const copy: unknown = edits.type === 'rich-text' ? data : JSON.parse(JSON.stringify(data));
      const rest = change(apply(copy, JSON.parse(JSON.stringify(op))), random);
      return rest === null ? op : compose(op, rest) as unknown;
    }
  };
}

export const fixupOf = ({type}: Edits): unknown => fillers[type]!.fixup;
