import {expect} from 'chai';
import json1 from 'ot-json1';
import client from 'sharedb/lib/client/index.js';
import type {Random} from '../support/random.js';

/** The edits that the tabs and clients make to a document of one type, and the checks of its data. */
export interface World {
  initial: unknown;
  /** Makes an op on this data. Undefined if none is possible. */
  makeOp(data: any, isOwn: boolean): unknown;
  /** The server has refused an op with these items. */
  refuse(items: readonly string[]): void;
  /** Checks the data after the first tab has undone all its edits. @param before the data before that, whose order must be the same */
  expectUndone(data: any, before?: any): void;
  /** Checks the data after the first tab has redone all its edits. */
  expectRedone(data: any, before: any): void;
}

export interface History {
  type: string;
  uri: string;
  begin(random: Random): World;
}

/**
 * Items of a sequence, each made once. After undo, own items must be gone, and items that only the first tab has removed must be back.
 * Items that both have removed may be back: the ops do not tell which removal was first.
 */
class Items {
  private made = 0;
  private readonly own = new Set<string>();
  private readonly others = new Set<string>();
  private readonly removedByOwn = new Set<string>();
  private readonly removedByOthers = new Set<string>();
  private readonly refused = new Set<string>();

  constructor(initial: readonly string[]) {
    for (const item of initial) this.others.add(item);
    this.made = initial.length;
  }

  /** Makes a character that does not exist yet. */
  make(isOwn: boolean): string {
    const item = String.fromCharCode(0x4e00 + this.made++);
    (isOwn ? this.own : this.others).add(item);
    return item;
  }

  remove(items: readonly string[], isOwn: boolean): void {
    for (const item of items) (isOwn ? this.removedByOwn : this.removedByOthers).add(item);
  }

  refuse(items: readonly string[]): void {
    for (const item of items) this.refused.add(item);
  }

  /** Own items that others have removed, and items that others have removed with a refused op. Redo makes a removed item anew. */
  private get contested(): ReadonlySet<string> {
    return new Set([...this.removedByOthers].filter(item => this.own.has(item) || this.removedByOwn.has(item) || this.refused.has(item)));
  }

  expectUndone(shown: readonly string[]): void {
    const {contested} = this;
    expect(new Set(shown).size, 'each item once').to.equal(shown.length);
    // If both remove the same and the server refuses the other's removal, ShareDB puts the item back.
    expect(shown.filter(item => this.own.has(item) && !(this.refused.has(item) && this.removedByOthers.has(item))), 'own items').to.eql([]);
    const expected = [...this.others].filter(item => !this.removedByOthers.has(item));
    expect(shown.filter(item => !contested.has(item)).sort()).to.eql(expected.sort());
  }

  /** Checks that the items that are shown before and after are in the same order. */
  expectSameOrder(shown: readonly string[], before: readonly string[]): void {
    const {contested} = this;
    const common = (items: readonly string[], others: readonly string[]): string[] => (
      items.filter(item => others.includes(item) && !contested.has(item))
    );
    expect(common(shown, before), 'order').to.eql(common(before, shown));
  }

  expectRedone(shown: readonly string[], before: readonly string[]): void {
    const {contested} = this;
    const rest = (items: readonly string[]): string[] => items.filter(item => !contested.has(item));
    expect(rest(shown)).to.eql(rest(before));
  }
}

const INITIAL = 'abcdefghij';

function text(type: string, uri: string, ops: {
  read(data: any): string; write(data: string): unknown; splice(at: number, removed: string, inserted: string): unknown;
}): History {
  return {
    type,
    uri,
    begin(random) {
      const items = new Items([...INITIAL]);
      return {
        initial: ops.write(INITIAL),
        makeOp(data, isOwn) {
          const shown = ops.read(data);
          const at = random.below(shown.length + 1);
          const removed = random.below(2) ? shown.slice(at, at + 1 + random.below(3)) : '';
          const inserted = removed && random.below(2) ? '' : items.make(isOwn);
          items.remove([...removed], isOwn);
          return ops.splice(at, removed, inserted);
        },
        refuse: refused => items.refuse(refused),
        expectUndone(data, before) {
          items.expectUndone([...ops.read(data)]);
          if (before) items.expectSameOrder([...ops.read(data)], [...ops.read(before)]);
        },
        expectRedone: (data, before) => items.expectRedone([...ops.read(data)], [...ops.read(before)])
      };
    }
  };
}

type List = {list: string[]; counts: Record<string, number>};

function jsonList(type: string, uri: string, ops: {
  insert(at: number, item: string): unknown; remove(at: number, item: string): unknown; move(from: number, to: number): unknown;
  add(key: string, amount: number): unknown;
}): History {
  return {
    type,
    uri,
    begin(random) {
      const items = new Items([...INITIAL]);
      const sums: Record<string, number> = {a: 0, b: 0};
      return {
        initial: {list: [...INITIAL], counts: {a: 0, b: 0}},
        makeOp({list}: List, isOwn) {
          const at = random.below(list.length);
          const kind = random.below(4);
          if (kind === 0) {
            const key = random.pick(['a', 'b']);
            const amount = 1 + random.below(9);
            if (!isOwn) sums[key]! += amount;
            return ops.add(key, amount);
          }
          if (kind === 1 && list.length) {
            items.remove([list[at]!], isOwn);
            return ops.remove(at, list[at]!);
          }
          if (kind === 2 && list.length > 1) return ops.move(at, random.below(list.length));
          return ops.insert(random.below(list.length + 1), items.make(isOwn));
        },
        refuse: refused => items.refuse(refused),
        expectUndone(data: List) {
          items.expectUndone(data.list);
          expect(data.counts).to.eql(sums);
        },
        expectRedone(data: List, before: List) {
          items.expectRedone(data.list, before.list);
          expect(data.counts).to.eql(before.counts);
        }
      };
    }
  };
}

const skip = (count: number): number[] => (count ? [count] : []);

export const histories: History[] = [
  text('rich-text', 'rich-text', {
    read: data => (data.ops as {insert: string}[]).map(({insert}) => insert).join(''),
    write: data => [{insert: data}],
    splice: (at, removed, inserted) => [
      ...skip(at).map(retain => ({retain})), ...(inserted ? [{insert: inserted}] : []), ...skip(removed.length).map(count => ({delete: count}))
    ]
  }),
  text('text-unicode', 'text-unicode', {
    read: data => data as string,
    write: data => data,
    splice: (at, removed, inserted) => [...skip(at), ...(inserted ? [inserted] : []), ...(removed ? [{d: removed.length}] : [])]
  }),
  jsonList('json0', client.types.defaultType!.uri!, {
    insert: (at, item) => [{p: ['list', at], li: item}],
    remove: (at, item) => [{p: ['list', at], ld: item}],
    move: (from, to) => [{p: ['list', from], lm: to}],
    add: (key, amount) => [{p: ['counts', key], na: amount}]
  }),
  jsonList('json1', json1.type.uri!, {
    insert: (at, item) => json1.insertOp(['list', at], item),
    remove: (at, item) => json1.removeOp(['list', at], item as never),
    move: (from, to) => json1.moveOp(['list', from], ['list', to]),
    add: (key, amount) => json1.editOp(['counts', key], 'number', amount as never)
  })
];
