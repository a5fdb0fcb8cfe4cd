import type {Type} from 'sharedb/lib/sharedb.js';
import {copied, inverseOf} from '../ot/invert.js';
import {composed, hasSameEffect, isNoop} from './ops.js';

/** An op that undoes (or redoes) one op, or several that were composed, on one document. */
export interface Entry<Doc> {
  readonly doc: Doc;
  readonly type: Type;
  op: unknown;
  /** The number of captured ops that it undoes. */
  ops: number;
}

/** A step that one call of `undo` or `redo` takes back. The last entry is applied first. */
export interface StackItem<Doc> {
  readonly id: string;
  readonly entries: Entry<Doc>[];
  /** The app's own data of the step, such as the cursor. */
  readonly meta: Map<unknown, unknown>;
  /** The step has changes that an undo has made in excess, and that the manager itself takes back: see `Stacks.addExcess`. */
  isExcess?: boolean | undefined;
}

/** The largest number of entries of an item. Older ones are composed, in the same way in all tabs of a shared stack. */
const MAX_PARTS = 32;

/**
 * A stack of ops. The top op applies to the present document, and each other op to the state that the op above it leads to. An op of
 * another client is transformed down from the top: each entry is transformed over the op, and the op over the entry.
 */
export class OpStack<Doc> {
  readonly items: StackItem<Doc>[] = [];

  /**
   * @param limit the largest number of items
   * @param keepsNoops whether to keep items whose ops cancel each other out, because other tabs count these ops and may add to the step
   */
  constructor(private readonly limit: number, private readonly keepsNoops = false) {}

  /** An independent copy, with the same `meta` objects. */
  clone(): OpStack<Doc> {
    const stack = new OpStack<Doc>(this.limit, this.keepsNoops);
    stack.items.push(...this.items.map(item => ({...item, entries: item.entries.map(entry => ({...entry}))})));
    return stack;
  }

  get top(): StackItem<Doc> | undefined {
    return this.items.at(-1);
  }

  /** Whether an item would change something. A step that has inserted and removed the same content would not. */
  get isUseful(): boolean {
    return this.items.findLastIndex(item => OpStack.opsOf(item).length > 0) >= 0;
  }

  /** The last item that would change something. The items above it would change nothing. */
  get lastUseful(): StackItem<Doc> | undefined {
    return this.items.findLast(item => OpStack.opsOf(item).length > 0);
  }

  push(item: StackItem<Doc>): void {
    this.items.push(item);
    if (this.items.length > this.limit) this.items.shift();
  }

  /** Puts an entry on top: into the top item if that is the same step, otherwise into a new item. */
  putOnTop(id: string, entry: Entry<Doc>, meta: StackItem<Doc>['meta'], isExcess?: boolean): void {
    if (this.top?.id === id) OpStack.add(this.top, entry);
    else this.push({id, entries: [entry], meta, isExcess});
  }

  find(id: string): StackItem<Doc> | undefined {
    return this.items.find(item => item.id === id);
  }

  /** Adds an entry to an item. The op that it undoes was made after the other ops of the item. */
  static add<Doc>({entries}: StackItem<Doc>, entry: Entry<Doc>): void {
    entries.push(entry);
    const [first, second] = entries;
    if (entries.length <= MAX_PARTS || first!.doc !== second!.doc || first!.type !== second!.type || !first!.type.compose) return;
    // The later op is undone first.
    first!.op = composed(first!.type, second!.op, first!.op);
    first!.ops += second!.ops;
    entries.splice(1, 1);
  }

  /** The ops that undo the item, in the order in which they are submitted. There is one for each document whose type can compose. */
  static opsOf<Doc>(item: StackItem<Doc>): Entry<Doc>[] {
    const found: Entry<Doc>[] = [];
    for (const entry of [...item.entries].reverse()) {
      const earlier = typeof entry.type.compose === 'function' && found.find(({doc, type}) => doc === entry.doc && type === entry.type);
      if (!earlier) found.push({...entry});
      else {
        earlier.op = composed(entry.type, earlier.op, entry.op);
        earlier.ops += entry.ops;
      }
    }
    return found.filter(({op}) => !isNoop(op));
  }

  /**
   * The ops that take back an item on the present documents, one for each document, while the items above it stay.
   * @param dataOf copies the present data of a document
   * @returns the ops, without those on documents whose type can't compose
   * @throws if an op can't be computed
   */
  onTop(item: StackItem<Doc>, dataOf: (doc: Doc) => unknown): Entry<Doc>[] {
    const above = this.items.slice(this.items.indexOf(item) + 1).reverse();
    return OpStack.opsOf(item).filter(({type}) => typeof type.compose === 'function').map(entry => {
      const {doc, type} = entry;
      let data = dataOf(doc);
      const made: unknown[] = [];
      for (const {op} of above.flatMap(one => entriesOf(one, doc))) {
        if (isNoop(op)) continue;
        made.unshift(inverseOf(type, op, data));
        data = type.apply(data, copied(op));
      }
      const op = made.reduce((op, next) => (isNoop(op) || isNoop(next) ? op : type.transform(op, next, sidesOf(type).undoing)), entry.op);
      return {...entry, op};
    }).filter(({op}) => !isNoop(op));
  }

  /** Whether no step above this one has entries of the document. */
  isOnTop(id: string, doc: Doc): boolean {
    return this.items.findLast(({entries}) => entries.some(entry => entry.doc === doc))?.id === id;
  }

  /** Transforms the entries of a document over an op of another client that has been applied to it. */
  transform(doc: Doc, foreign: unknown): void {
    let op = foreign;
    for (let i = this.items.length - 1; i >= 0; i--) for (const entry of entriesOf(this.items[i]!, doc)) op = transformDown(entry, op);
    this.dropNoops();
  }

  /**
   * Adds an entry for an op of a step that has been applied to the document. The step may be below others. Then the op is transformed down
   * to this step, and its inverse is computed there.
   * @param id the step's id
   * @param entry undoes the op, on the present document
   * @param made the op
   * @param meta the app's data of the step, used if the step is new here
   * @param dataAfter copies the document's data with the op; throws if they are unknown
   */
  insert(id: string, entry: Entry<Doc>, made: unknown, meta: Map<unknown, unknown>, dataAfter?: () => unknown): void {
    const at = this.items.findLastIndex(item => item.id === id);
    if (at < 0 || at === this.items.length - 1) return this.putOnTop(id, entry, meta);
    const {type} = entry;
    const undone = [entry.op];
    let transformed = entry.op;
    let op = made;
    for (let i = this.items.length - 1; i > at; i--) {
      for (const above of entriesOf(this.items[i]!, entry.doc)) {
        undone.push(above.op);
        op = transformDown(above, op);
        if (!isNoop(transformed) && !isNoop(above.op)) transformed = type.transform(transformed, above.op, sidesOf(type).undoing);
      }
    }
    entry.op = inverseBelow(type, op, undone, dataAfter) ?? transformed;
    OpStack.add(this.items[at]!, entry);
    this.dropNoops();
  }

  /**
   * Drops the entries of a step that has been undone on one document, by an op that has been applied to it. Entries for later ops of the
   * step stay: the tab that has undone the step did not have these ops yet. If this stack would have undone the step by another op, for
   * example because two tabs have removed the same content at the same time, the entries below do not apply any more, and are dropped, too.
   * @param id the step's id
   * @param undone the op
   * @param count the number of ops of the step that it undoes
   */
  takeOut(id: string, doc: Doc, type: Type, undone: unknown, count: number): void {
    const at = this.items.findLastIndex(item => item.id === id && item.entries.some(entry => entry.doc === doc));
    if (at < 0) return this.transform(doc, undone);
    let op = undone;
    for (let i = this.items.length - 1; i > at; i--) for (const above of entriesOf(this.items[i]!, doc)) op = transformDown(above, op);
    let entries = entriesOf(this.items[at]!, doc);
    let later = entries.reduce((sum, {ops}) => sum + ops, 0) - count;
    if (typeof type.compose === 'function') {
      while (entries.length && later > 0 && entries[0]!.ops <= later) {
        const entry = entries.shift()!;
        later -= entry.ops;
        op = transformDown(entry, op);
      }
    } else {
      // The step is undone by one op for each entry, the last entry first.
      later = 0;
      const undoneAt = indexOfUndone(type, entries, op);
      for (const entry of entries.slice(0, undoneAt)) op = transformDown(entry, op);
      entries = entries.slice(undoneAt, undoneAt + 1);
    }
    const isSame = later === 0 && hasSameEffect(type, entries.map(entry => entry.op).reduce((one, other) => composed(type, one, other)), op);
    const below = isSame ? [] : this.items.slice(0, at).flatMap(item => entriesOf(item, doc));
    this.drop(new Set([...entries, ...below]));
    this.dropNoops();
  }

  /** Drops the entries of a document. It has another state, to which no op leads. */
  forget(doc: Doc): void {
    for (const {entries} of this.items) removeWhere(entries, entry => entry.doc === doc);
    this.dropEmpty();
  }

  /** Drops the top item. No item below depends on it. */
  remove(id: string): void {
    removeWhere(this.items, item => item.id === id);
  }

  clear(): void {
    this.items.length = 0;
  }

  /** Drops entries on which no entry below depends. */
  private drop(dropped: ReadonlySet<Entry<Doc>>): void {
    for (const {entries} of this.items) removeWhere(entries, entry => dropped.has(entry));
    this.dropEmpty();
  }

  /** Drops items without effect. An item with an effect keeps its entries without one, because other tabs count them, too. */
  private dropNoops(): void {
    if (!this.keepsNoops) removeWhere(this.items, ({entries}) => entries.every(({op}) => isNoop(op)));
  }

  private dropEmpty(): void {
    removeWhere(this.items, ({entries}) => !entries.length);
  }
}

/** Transforms an op over an entry, and the entry over the op. @returns the op as it applies below the entry */
function transformDown<Doc>(entry: Entry<Doc>, op: unknown): unknown {
  const {type, op: before} = entry;
  if (isNoop(before) || isNoop(op)) return op;
  const {undoing, theirs} = sidesOf(type);
  entry.op = type.transform(before, op, undoing);
  return type.transform(op, before, theirs);
}

/** The sides for `transform`. If an op of others and an entry set the same key or format, the op wins. In rich-text the right side wins. */
function sidesOf(type: Type): Record<'undoing' | 'theirs', 'left' | 'right'> {
  return type.name === 'rich-text' ? {undoing: 'left', theirs: 'right'} : {undoing: 'right', theirs: 'left'};
}

/**
 * The inverse of an op that was transformed down. An inverse that was transformed down may differ: the text that it restores may be placed
 * on the other side of text that an entry above restores. The entries below would then apply to other data.
 * @param op the op as it applies below
 * @param undone the ops that lead from the data after the original op to the data before `op`
 * @returns undefined if the data are unknown
 */
function inverseBelow(type: Type, op: unknown, undone: readonly unknown[], dataAfter: (() => unknown) | undefined): unknown {
  if (!dataAfter) return undefined;
  try {
    const data = undone.reduce((data, next) => (isNoop(next) ? data : type.apply(data, copied(next))), dataAfter());
    return inverseOf(type, op, data);
  } catch {
    return undefined;
  }
}

/** The index of the first entry that the op undoes, after the entries above it; 0 if there is none. */
function indexOfUndone<Doc>(type: Type, entries: readonly Entry<Doc>[], undone: unknown): number {
  let op = undone;
  const index = entries.findIndex(entry => {
    if (hasSameEffect(type, entry.op, op)) return true;
    op = transformDown({...entry}, op);
    return false;
  });
  return Math.max(index, 0);
}

/** The entries of one document, from the top. */
function entriesOf<Doc>({entries}: StackItem<Doc>, doc: Doc): Entry<Doc>[] {
  return entries.filter(entry => entry.doc === doc).reverse();
}

function removeWhere<T>(list: T[], condition: (item: T) => boolean): void {
  const kept = list.filter(item => !condition(item));
  if (kept.length !== list.length) list.splice(0, list.length, ...kept);
}
