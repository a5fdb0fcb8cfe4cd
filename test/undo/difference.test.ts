import {expect} from 'chai';
import json1 from 'ot-json1';
import richText from 'rich-text';
import client from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {copied} from '../../lib/ot/invert.js';
import {differenceBetween} from '../../lib/undo/difference.js';
import './stage.js';

const typeOf = (name: string): Type => client.types.map[name] as Type;
const json0 = client.types.defaultType!.uri!;

/** From one state to another, and how many characters or values the op inserts and removes. Of json1 ops they are not counted. */
const cases: [type: string, from: unknown, to: unknown, touched?: number][] = [
  ['text-unicode', 'abcdef', 'abcdef', 0],
  ['text-unicode', 'abcdef', 'abXcdef', 1],
  ['text-unicode', 'abcdef', 'Xabdef', 2],
  ['text-unicode', '', 'ab', 2],
  ['text-unicode', 'a\u{1f600}b', 'ab', 1],
  [json0, {list: ['a', 'b', 'c'], n: 1}, {list: ['b', 'X', 'c'], n: 3}, 3],
  [json0, {a: {b: 1}, c: 'x'}, {a: {d: 1}, c: 'y'}, 3],
  [json1.type.uri!, {list: ['a', 'b', 'c'], n: 1}, {list: ['b', 'X', 'c'], n: 3}],
  [json1.type.uri!, {a: {b: 1}, c: 'x'}, {a: {d: 1}, c: 'y'}]
];

/** @param op of text-unicode or json0 */
function touchedBy(op: unknown): number {
  if (typeof op === 'string') return [...op].length;
  if (Array.isArray(op)) return op.reduce<number>((sum, part) => sum + touchedBy(part), 0);
  if (typeof op !== 'object' || op === null) return 0;
  const {d, p, ...rest} = op as {d?: string; p?: unknown};
  if (d !== undefined) return [...d].length;
  return p ? 1 : Object.keys(rest).length;
}

describe('the difference between two states', () => {
  for (const [type, from, to, touched] of cases) {
    it(`leads from ${JSON.stringify(from)} to ${JSON.stringify(to)} with ${typeOf(type).name}`, () => {
      const op = differenceBetween(typeOf(type), from, to);
      expect(typeOf(type).apply(copied(from), copied(op))).to.eql(to);
      if (touched !== undefined) expect(touchedBy(op)).to.equal(touched);
    });
  }

  for (const [type, op] of [[json0, [{p: ['list', 3], lm: 0}]], [json1.type.uri!, ['list', [0, {d: 0}], [3, {p: 0}]]]] as const) {
    it(`of a moved item is its move with ${typeOf(type).name}`, () => {
      const from = {list: ['a', 'b', 'c', 'X']};
      expect(differenceBetween(typeOf(type), from, {list: ['X', 'a', 'b', 'c']})).to.eql(op);
      expect(differenceBetween(typeOf(type), {list: ['X', 'a', 'b', 'c']}, from)).to.have.length(type === json0 ? 1 : 3);
    });

    it(`of a moved item and other changes leads from one to the other with ${typeOf(type).name}`, () => {
      const from = {list: ['a', 'b', 'c', 'd', 'X', 'Y']};
      const to = {list: ['Y', 'c', 'Z', 'X', 'b', 'd']};
      expect(typeOf(type).apply(copied(from), differenceBetween(typeOf(type), from, to))).to.eql(to);
    });
  }

  it('of rich-text is that of the Deltas', () => {
    const type = richText.type as unknown as Type;
    const from = type.create([{insert: 'abc'}]);
    const to = type.create([{insert: 'aXc'}]);
    expect(type.apply(from, differenceBetween(type, from, to))).to.eql(to);
  });
});
