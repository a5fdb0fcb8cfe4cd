import {expect} from 'chai';
import {types} from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {rebase} from '../../lib/ot/rebase.js';
import type {ConcurrentStep, WaitingOp} from '../../lib/ot/history-entry.js';
import {Random} from '../support/random.js';
import {allEdits, type Edits} from '../simulator/edits.js';

const OWNER = 'tab';

/** Transforms each op over each entry. The library does this for small numbers. */
function oneByOne(ops: WaitingOp[], entries: ConcurrentStep[], type: Type): WaitingOp[] {
  return entries.reduce((left, entry) => {
    const carried = rebase(left, [entry], OWNER, type);
    if (carried instanceof Error) throw carried;
    return carried;
  }, ops);
}

interface Program {
  type: Type;
  ops: WaitingOp[];
  entries: ConcurrentStep[];
  /** The data after the entries. */
  data: unknown;
}

/** Ops of a tab and the concurrent entries. The first `known` ops are among the entries. */
function program({type: name, start, next}: Edits, count: number, known: number, random: Random): Program {
  const type = types.map[name] as Type;
  const copy = <T>(data: T): T => (type.serialize ? type.deserialize!(JSON.parse(JSON.stringify(type.serialize(data)))) : JSON.parse(JSON.stringify(data))) as T;
  const first: unknown = type.create(start);
  const ops: WaitingOp[] = [];
  for (let i = 0, data = copy(first); i < count; i++) {
    const op = next(data, random, `[m${i}]`);
    ops.push({step: {op: JSON.parse(JSON.stringify(op))}, seq: i + 1, x: {}});
    data = type.apply(data, op) as unknown;
  }
  const entries: ConcurrentStep[] = [];
  let data: unknown = copy(first);
  let left = ops;
  const happen = (entry: ConcurrentStep): void => {
    entries.push(JSON.parse(JSON.stringify(entry)) as ConcurrentStep);
    data = type.apply(data, entry.step.op) as unknown;
    if (entries.length < 2 * known) left = oneByOne(left, [entry], type);
  };
  for (let i = 0; i < count; i++) {
    happen({step: {op: next(data, random, `[o${i}]`)}, src: 'other', seq: i + 1});
    if (i < known) happen({step: JSON.parse(JSON.stringify(left[0]!.step)) as WaitingOp['step'], src: OWNER, seq: left[0]!.seq});
  }
  return {type, ops, entries, data};
}

describe('many ops that are rebased over many entries', () => {
  for (const edits of allEdits) {
    for (const known of [0, 20]) {
      it(`give the same as one by one: ${edits.type}, ${known} of them known`, () => {
        for (let seed = 1; seed <= 2; seed++) {
          const {type, ops, entries, data} = program(edits, 65, known, new Random(seed));
          const many = rebase(ops, entries, OWNER, type) as WaitingOp[];
          const wanted = oneByOne(ops, entries, type);
          expect(many.map(({seq}) => seq)).to.eql(wanted.map(({seq}) => seq));
          const after = (carried: WaitingOp[]): unknown => {
            const text = JSON.stringify(data);
            return carried.reduce((made, {step}) => type.apply(made, step.op) as unknown, type.deserialize ? type.deserialize(JSON.parse(text)) : JSON.parse(text) as unknown);
          };
          expect(JSON.stringify(after(many)), `seed ${seed}`).to.equal(JSON.stringify(after(wanted)));
        }
      });
    }
  }

  it('need two transforms each', () => {
    for (const known of [0, 1000]) {
      const [, , text] = allEdits as [Edits, Edits, Edits, Edits];
      const COUNT = 2000;
      let calls = 0;
      const type = types.map[text.type] as Type;
      const counting: Type = {
        ...type, transform: (op: unknown, other: unknown, side: 'left' | 'right') => { calls++; return type.transform(op, other, side) as unknown; }
      };
      const insert = (at: number): WaitingOp['step'] => ({op: at ? [at, 'x'] : ['x']});
      const ops = Array.from({length: COUNT}, (_, i): WaitingOp => ({step: insert(i), seq: i + 1, x: {}}));
      const others = Array.from({length: COUNT}, (_, i): ConcurrentStep => ({step: insert(0), src: 'other', seq: i + 1}));
      // The entries alternate between the other tab and this tab.
      const entries = others.flatMap((entry, i): ConcurrentStep[] => (i < known ? [entry, {step: insert(2 * i + 1), src: OWNER, seq: i + 1}] : [entry]));
      const carried = rebase(ops, entries, OWNER, counting) as WaitingOp[];
      expect(carried.length).to.equal(COUNT - known);
      expect(calls).to.be.at.most(2 * COUNT);
    }
  });
});
