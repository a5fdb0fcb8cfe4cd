import type {Random} from '../support/random.js';

/** Makes ops that fit a document of one type. */
export interface Edits {
  type: string;
  start: unknown;
  /** `word` is in no other op. */
  next(data: never, random: Random, word: string): unknown[];
}

interface Delta {
  length(): number;
}

const richText: Edits = {
  type: 'rich-text',
  start: [{insert: 'The quick brown fox\n'}],
  next(data: Delta, random, word) {
    const at = random.below(data.length());
    const some = 1 + random.below(Math.min(3, data.length() - at));
    const op = random.pick([
      {insert: word},
      {insert: word, attributes: {italic: true}},
      {delete: some},
      {retain: some, attributes: {bold: random.pick([true, null])}}
    ]);
    return at > 0 ? [{retain: at}, op] : [op];
  }
};

interface Json {
  text: string;
  list: string[];
  map: Record<string, string>;
  count: number;
}

const json0: Edits = {
  type: 'json0',
  start: {text: 'The quick brown fox', list: [], map: {}, count: 0},
  next({text, list, map}: Json, random, word) {
    const at = random.below(text.length + 1);
    const index = random.below(list.length + 1);
    const key = random.pick(['a', 'b', 'c']);
    const op = random.pick([
      () => ({p: ['text', at], si: word}),
      () => at < text.length ? {p: ['text', at], sd: text[at]} : {p: ['text', at], si: word},
      () => ({p: ['list', index], li: word}),
      () => index < list.length ? {p: ['list', index], ld: list[index]} : {p: ['list', index], li: word},
      () => index < list.length ? {p: ['list', index], lm: random.below(list.length)} : {p: ['list', index], li: word},
      () => key in map ? {p: ['map', key], od: map[key], oi: word} : {p: ['map', key], oi: word},
      () => key in map ? {p: ['map', key], od: map[key]} : {p: ['map', key], oi: word}
    ]);
    // The count tells whether each op has arrived exactly once.
    return [op(), {p: ['count'], na: 1}];
  }
};

export const allEdits = [richText, json0];
