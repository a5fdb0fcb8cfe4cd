import json1 from 'ot-json1';
import textUnicode from 'ot-text-unicode';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import type {Random} from '../support/random.js';

for (const type of [richText.type, textUnicode.type, json1.type]) types.register(type as never);

/** Random ops on documents of one type. Each op adds a word that no other op has, and removes no word. */
export interface Edits {
  type: string;
  start: unknown;
  next(data: any, random: Random, word: string): unknown;
  /** The number of times that the word is in the data. */
  count(data: any, word: string): number;
  /** The word of the op that added what a word was added to. */
  parentOf?(word: string): string | undefined;
  /** The content of an op of the server as text with whole words. Default: its JSON. */
  textOf?(op: object): string;
}

const countIn = (text: string, word: string): number => text.split(word).length - 1;

/** A position in a text outside of words. Words are in brackets. */
function gap(text: string, random: Random): number {
  const places = [0, text.length];
  for (let at = 1; at < text.length; at++) if (text[at - 1] === ']' || text[at] === '[') places.push(at);
  return random.pick(places);
}

const json0: Edits = {
  type: 'json0',
  start: {list: [], map: {}, text: '', count: 0},
  next({list, text}: {list: string[]; text: string}, random, word) {
    const components: object[] = [{p: ['count'], na: 1}];
    components.push(random.pick([
      {p: ['list', random.below(list.length + 1)], li: word},
      {p: ['map', word], oi: word},
      {p: ['text', gap(text, random)], si: word}
    ]));
    return random.below(2) ? components : components.reverse();
  },
  count({list, map, text}: {list: string[]; map: Record<string, string>; text: string}, word) {
    return list.filter(item => item === word).length + (map[word] === word ? 1 : 0) + countIn(text, word);
  }
};

const richTextEdits: Edits = {
  type: 'rich-text',
  start: [{insert: '\n'}],
  next({ops}: {ops: {insert: string}[]}, random, word) {
    const text = ops.map(({insert}) => insert).join('');
    const at = gap(text.slice(0, -1), random);
    const edit = [{insert: word, ...(random.below(2) && {attributes: {bold: true}})}];
    const rest = text.length - at;
    if (random.below(3) === 0) edit.push({retain: 1 + random.below(rest), attributes: {color: word}} as never);
    return {ops: at ? [{retain: at}, ...edit] : edit};
  },
  count({ops}: {ops: {insert: string}[]}, word) {
    return countIn(ops.map(({insert}) => insert).join(''), word);
  },
  // Formats split a text into pieces, which are joined here.
  textOf(op) {
    let text = '';
    JSON.stringify(op, (key, value: unknown) => {
      if (key === 'insert') text += String(value);
      return value;
    });
    return text;
  }
};

const text: Edits = {
  type: 'text-unicode',
  start: '',
  next(data: string, random, word) {
    const at = gap(data, random);
    return at ? [at, word] : [word];
  },
  count: countIn
};

const json1Edits: Edits = {
  type: 'json1',
  start: {list: [], map: {}},
  next({list}: {list: string[]}, random, word) {
    return random.pick([
      ['list', random.below(list.length + 1), {i: word}],
      ['map', word, {i: word}]
    ]);
  },
  count({list, map}: {list: string[]; map: Record<string, string>}, word) {
    return list.filter(item => item === word).length + (map[word] === word ? 1 : 0);
  }
};

export const allEdits: readonly Edits[] = [json0, richTextEdits, text, json1Edits];
