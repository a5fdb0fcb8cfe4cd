import {expect} from 'chai';
import client from 'sharedb/lib/client/index.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {copied, inverseOf} from '../../lib/ot/invert.js';
import type {UndoMark} from '../../lib/protocol/undo.js';
import {ChangeLog, type OpId} from '../../lib/undo/change-log.js';
import {OpStack} from '../../lib/undo/op-stack.js';
import {Stacks} from '../../lib/undo/stacks.js';
import './stage.js';

/** A document of one type whose changes go to a log and to stacks. */
class Bench {
  data: unknown;
  stacks = Stacks.empty<string>(100, false, () => new Map());
  readonly log = new ChangeLog<string>();
  private readonly type: Type;
  private readonly ids = new Map<string, OpId>();

  constructor(type: string, data: unknown) {
    this.type = client.types.map[type] as Type;
    this.data = data;
  }

  /** @param id of the op, if the server has not acknowledged it */
  change(op: unknown, mark?: UndoMark, id?: string): void {
    const {type} = this;
    const inverse = inverseOf(type, op, this.data);
    const sentIn = id === undefined ? undefined : this.idOf(id);
    const change = {doc: 'one', type, op, inverse, mark, sentIn};
    this.log.add(change, this.stacks);
    this.data = type.apply(this.data, copied(op));
    this.stacks.apply(change, () => copied(this.data));
  }

  capture(step: string, op: unknown, id?: string): void {
    this.change(op, {kind: 'capture', step, ops: 1}, id);
  }

  /** Undoes or redoes the last step. */
  revert(kind: 'undo' | 'redo', id?: string): boolean {
    const item = this.stacks[kind].lastUseful;
    for (const {op, ops} of item ? OpStack.opsOf(item) : []) this.change(op, {kind, step: item!.id, ops}, id);
    return !!item;
  }

  /** The server refuses ops. @param op what takes them back here */
  refuse(ids: string[], op: unknown): void {
    const {type} = this;
    const rollback = {doc: 'one', type, op, inverse: inverseOf(type, op, this.data), mark: undefined};
    this.data = type.apply(this.data, copied(op));
    const refused = ids.map(id => this.idOf(id));
    const stacks = this.log.without(id => refused.includes(id), rollback, () => copied(this.data));
    if (!stacks) throw new Error('The stacks can not be made');
    this.stacks = stacks;
  }

  /** The document is loaded again. @param others what others have done meanwhile, on the data of the document before its changes */
  reload(before: unknown, others: unknown): void {
    const {type} = this;
    const after = type.apply(type.create!(before), others);
    const stacks = this.log.withoutLost('one', type, () => type.apply(type.create!([]), copied(this.data)), after);
    if (!stacks) throw new Error('The stacks can not be made');
    this.stacks = stacks;
    this.data = after;
  }

  /** How often the type transforms while `act` runs. */
  transformsOf(act: () => void): number {
    const {type} = this;
    const {transform} = type;
    let count = 0;
    type.transform = (...args) => {
      count++;
      return transform.apply(type, args);
    };
    try {
      act();
    } finally {
      type.transform = transform;
    }
    return count;
  }

  /** The data with all steps redone, then undone, then redone. */
  get ends(): unknown[] {
    const all = (kind: 'undo' | 'redo'): unknown => {
      while (this.revert(kind));
      return copied(this.data);
    };
    return [all('redo'), all('undo'), all('redo')];
  }

  private idOf(id: string): OpId {
    if (!this.ids.has(id)) this.ids.set(id, {});
    return this.ids.get(id)!;
  }
}

describe('the stacks without refused ops', () => {
  it('do not restore a refused insertion that a later op has removed', () => {
    const bench = new Bench('text-unicode', 'ab');
    bench.capture('1', [1, 'X'], 'a');
    bench.capture('2', [{d: 3}], 'b');
    bench.refuse(['a'], []);
    expect(bench.ends).to.eql(['', 'ab', '']);
  });

  it('undo what the undo of a refused op has restored', () => {
    const bench = new Bench('text-unicode', 'abc');
    bench.capture('1', [1, {d: 1}], 'a');
    bench.revert('undo', 'b');
    bench.refuse(['a'], [1, 'b']);
    expect(bench.data).to.equal('abbc');
    expect(bench.ends).to.eql(['abbc', 'abc', 'abc']);
  });

  for (const isAcknowledged of [true, false]) {
    it(`undo and redo what the undo of a refused op has restored, if the server refuses to remove that${isAcknowledged ? ' later' : ''}`, () => {
      const bench = new Bench('text-unicode', 'abc');
      bench.capture('1', [1, {d: 1}], 'a');
      bench.revert('undo', 'b');
      bench.refuse(['a'], [1, 'b']);
      if (isAcknowledged) bench.log.clear();
      expect(bench.stacks.undo.top).to.include({isExcess: true});
      bench.revert('undo', 'c');
      expect(bench.data).to.equal('abc');
      bench.refuse(['c'], [1, 'b']);
      expect(bench.data).to.equal('abbc');
      // The stacks are made again.
      bench.capture('2', ['X'], 'd');
      bench.refuse(['d'], [{d: 1}]);
      expect(bench.stacks.undo.top).to.include({isExcess: false});
      expect(bench.ends).to.eql(['abbc', 'abc', 'abbc']);
    });
  }

  it('undo and redo the rest of a step of which one op was refused after an undo', () => {
    const bench = new Bench('text-unicode', 'abc');
    bench.capture('1', [{d: 1}], 'a');
    bench.capture('1', [2, 'X'], 'b');
    bench.revert('undo', 'c');
    expect(bench.data).to.equal('abc');
    bench.refuse(['a'], ['a']);
    expect(bench.data).to.equal('aabc');
    while (bench.revert('undo'));
    expect(bench.data).to.equal('abc');
    while (bench.revert('redo'));
    expect(bench.data).to.equal('abcX');
  });

  it('contain a step again whose undo was refused, with an insertion of another client next to it', () => {
    const bench = new Bench('text-unicode', 'ab');
    bench.capture('1', [1, 'X'], 'a');
    bench.revert('undo', 'b');
    bench.change([1, 'Z']);
    // On the server, the Z came after the X.
    bench.refuse(['b'], [1, 'X']);
    expect(bench.data).to.equal('aXZb');
    expect(bench.ends).to.eql(['aXZb', 'aZb', 'aXZb']);
  });

  it('exclude an undo and its redo that were refused as one, with an insertion of another client before the text', () => {
    const bench = new Bench('text-unicode', 'b');
    bench.capture('1', ['X']);
    bench.revert('undo', 'a');
    bench.revert('redo', 'a');
    bench.change([1, 'Z']);
    expect(bench.data).to.equal('XZb');
    // On the server, the Z came before the X that the refused op had removed and put back.
    bench.refuse(['a'], [{d: 1}, 1, 'X']);
    expect(bench.data).to.equal('ZXb');
    expect(bench.ends).to.eql(['ZXb', 'Zb', 'ZXb']);
  });

  it('forget ops that were sent and refused as one, and keep one that was made in between', () => {
    const bench = new Bench('text-unicode', 'ab');
    bench.capture('1', ['X'], 'a');
    bench.capture('2', [3, 'Y'], 'b');
    bench.capture('3', [1, 'Z'], 'a');
    expect(bench.data).to.equal('XZabY');
    bench.refuse(['a'], [{d: 2}]);
    expect(bench.ends).to.eql(['abY', 'ab', 'abY']);
  });

  it('lose no step when others have removed what a refused op had removed', () => {
    const bench = new Bench(client.types.defaultType!.uri!, ['a', 'b', 'c']);
    bench.capture('1', [{p: [0], li: 'X'}], 'a');
    bench.capture('2', [{p: [1], ld: 'a'}], 'b');
    bench.change([]);
    bench.refuse(['b'], []);
    expect(bench.ends).to.eql([['X', 'b', 'c'], ['b', 'c'], ['X', 'b', 'c']]);
  });

  it('are found without a transform of each op for each other one, if there are many and others have edited a document that is loaded again', () => {
    const counts = [30, 300].map(ops => {
      const bench = new Bench('rich-text', client.types.map['rich-text']!.create!([{insert: 'abcdef'}]));
      for (let i = 0; i < ops; i++) bench.capture(String(i), [{retain: i % 6}, {insert: 'X'}], String(i));
      const count = bench.transformsOf(() => bench.reload([{insert: 'abcdef'}], [{retain: 3}, {insert: 'ZZ'}]));
      expect([bench.stacks.undo.items, bench.data]).to.eql([[], client.types.map['rich-text']!.create!([{insert: 'abcZZdef'}])]);
      return count;
    });
    expect(counts[1]).to.be.below(3 * counts[0]!);
  });
});
