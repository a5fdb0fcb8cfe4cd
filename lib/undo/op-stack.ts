import type {Type} from 'sharedb/lib/sharedb.js';
import {copied, inverseOf} from '../ot/invert.js';
import {composed, isNoop, isSameOp, normalized} from './ops.js';

/** An op that undoes (or redoes) one op, or several that were composed, on one document. */
export interface Entry<Doc> {
  readonly doc: Doc;
  readonly type: Type;
  op: unknown;
  /** How many of the captured ops it undoes. */
  ops: number;
}

/** The step that one call of `undo` takes back; the last entry first. */
export interface StackItem<Doc> {
  readonly id: string;
  readonly entries: Entry<Doc>[];
  /** The app's own, such as cursors. */
  readonly meta: Map<unknown, unknown>;
  /** Its changes should not be there: the manager takes them back without a call of the app. */
  isExcess?: boolean | undefined;
}

/** An item keeps the last entries as they are, up to this number. Older ones are composed. All tabs of a shared stack do it alike. */
const MAX_PARTS = 32;

/**
 * A stack of ops of which the top one applies to the document as it is now, and each other one to what the one above leads to.
 * Ops of others are carried down from the top: each entry is transformed over them, and they over the entry.
 */
export class OpStack<Doc> {
  readonly items: StackItem<Doc>[] = [];

  /**
   * @param limit how many items are kept
   * @param keepsNoops whether items stay whose ops cancel each other out: other tabs count their ops, too, and the step may go on
   */
  constructor(private readonly limit: number, private readonly keepsNoops = false) {}

  /** A copy, which changes by itself. The items' `meta` are the same. */
  clone(): OpStack<Doc> {
    const stack = new OpStack<Doc>(this.limit, this.keepsNoops);
    stack.items.push(...this.items.map(item => ({...item, entries: item.entries.map(entry => ({...entry}))})));
    return stack;
  }

  get top(): StackItem<Doc> | undefined {
    return this.items.at(-1);
  }

  /** Whether there is an item that would change something: what was made and removed in one step does not. */
  get isUseful(): boolean {
    return this.items.findLastIndex(item => OpStack.opsOf(item).length > 0) >= 0;
  }

  /** The last item that would change something. Items above it change nothing together. */
  get lastUseful(): StackItem<Doc> | undefined {
    return this.items.findLast(item => OpStack.opsOf(item).length > 0);
  }

  push(item: StackItem<Doc>): void {
    this.items.push(item);
    if (this.items.length > this.limit) this.items.shift();
  }

  /** Puts what undoes an op on top, to what else there is of the step if that is on top. */
  putOnTop(id: string, entry: Entry<Doc>, meta: StackItem<Doc>['meta'], isExcess?: boolean): void {
    if (this.top?.id === id) OpStack.add(this.top, entry);
    else this.push({id, entries: [entry], meta, isExcess});
  }

  find(id: string): StackItem<Doc> | undefined {
    return this.items.find(item => item.id === id);
  }

  /** Adds to an item what undoes an op that was made on top of it. */
  static add<Doc>({entries}: StackItem<Doc>, entry: Entry<Doc>): void {
    entries.push(entry);
    const [first, second] = entries;
    if (entries.length <= MAX_PARTS || first!.doc !== second!.doc || first!.type !== second!.type || !first!.type.compose) return;
    // The later op is undone first.
    first!.op = composed(first!.type, second!.op, first!.op);
    first!.ops += second!.ops;
    entries.splice(1, 1);
  }

  /** The ops that undo the item, in the order in which they are submitted: one for each document whose type can compose. */
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
   * @returns the ops; none of a document whose type can't compose. @throws if they can't be known
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

  /** Whether there is nothing for the document above the step. */
  isOnTop(id: string, doc: Doc): boolean {
    return this.items.findLast(({entries}) => entries.some(entry => entry.doc === doc))?.id === id;
  }

  /** Somebody else's op has been applied to the document. */
  transform(doc: Doc, foreign: unknown): void {
    let op = foreign;
    for (let i = this.items.length - 1; i >= 0; i--) for (const entry of entriesOf(this.items[i]!, doc)) op = carryDown(entry, op);
    this.dropNoops();
  }

  /**
   * Another tab has made an op of a step, which has been applied to the document. The step may be below others: what undoes the op
   * is carried down to it.
   * @param id of the step
   * @param entry undoes the op, on the document as it is now
   * @param made the op
   * @param meta of the step where it is new here
   * @param dataAfter a copy of the document's data with the op. @throws where they can't be known
   */
  insert(id: string, entry: Entry<Doc>, made: unknown, meta: Map<unknown, unknown>, dataAfter?: () => unknown): void {
    const at = this.items.findLastIndex(item => item.id === id);
    if (at < 0 || at === this.items.length - 1) return this.putOnTop(id, entry, meta);
    const {type} = entry;
    const undone = [entry.op];
    let carried = entry.op;
    let op = made;
    for (let i = this.items.length - 1; i > at; i--) {
      for (const above of entriesOf(this.items[i]!, entry.doc)) {
        undone.push(above.op);
        op = carryDown(above, op);
        if (!isNoop(carried) && !isNoop(above.op)) carried = type.transform(carried, above.op, sidesOf(type).undoing);
      }
    }
    entry.op = inverseBelow(type, op, undone, dataAfter) ?? carried;
    OpStack.add(this.items[at]!, entry);
    this.dropNoops();
  }

  /**
   * Another tab has undone a step on one document, by an op that has been applied to it. The entries that undo the step are dropped,
   * except for ops of it that the other tab did not have yet. If this tab would have undone the step in another way, because both have
   * removed the same at the same time, the entries below do not apply any more, and are dropped, too.
   * @param id of the step
   * @param undone the op
   * @param count how many ops of the step it undoes
   */
  takeOut(id: string, doc: Doc, type: Type, undone: unknown, count: number): void {
    const at = this.items.findLastIndex(item => item.id === id && item.entries.some(entry => entry.doc === doc));
    if (at < 0) return this.transform(doc, undone);
    let op = undone;
    for (let i = this.items.length - 1; i > at; i--) for (const above of entriesOf(this.items[i]!, doc)) op = carryDown(above, op);
    const entries = entriesOf(this.items[at]!, doc);
    let later = entries.reduce((sum, {ops}) => sum + ops, 0) - count;
    while (entries.length && later > 0 && entries[0]!.ops <= later) {
      const entry = entries.shift()!;
      later -= entry.ops;
      op = carryDown(entry, op);
    }
    const canCompare = later === 0 && (entries.length === 1 || type.compose);
    const isSame = canCompare && isSameOp(normalized(type, entries.map(entry => entry.op).reduce((one, other) => composed(type, one, other))), normalized(type, op));
    const below = isSame ? [] : this.items.slice(0, at).flatMap(item => entriesOf(item, doc));
    this.drop(new Set([...entries, ...below]));
    this.dropNoops();
  }

  /** A document has another state, to which no op has led. */
  forget(doc: Doc): void {
    for (const {entries} of this.items) removeWhere(entries, entry => entry.doc === doc);
    this.dropEmpty();
  }

  /** Forgets an item on top, of which nothing below depends. */
  remove(id: string): void {
    removeWhere(this.items, item => item.id === id);
  }

  clear(): void {
    this.items.length = 0;
  }

  /** Forgets entries, of which nothing below depends. */
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

/** Carries an op down over an entry, and the entry over the op. @returns the op below the entry */
function carryDown<Doc>(entry: Entry<Doc>, op: unknown): unknown {
  const {type, op: before} = entry;
  if (isNoop(before) || isNoop(op)) return op;
  const {undoing, theirs} = sidesOf(type);
  entry.op = type.transform(before, op, undoing);
  return type.transform(op, before, theirs);
}

/** The sides with which an op of somebody else wins a key or a format that the entry sets, too. In rich-text the right side wins. */
function sidesOf(type: Type): Record<'undoing' | 'theirs', 'left' | 'right'> {
  return type.name === 'rich-text' ? {undoing: 'left', theirs: 'right'} : {undoing: 'right', theirs: 'left'};
}

/**
 * The inverse of an op that was carried down. To carry its inverse down instead is not the same: text that it puts back may come to the
 * other side of text that an entry above puts back, and the entries below would apply to other data.
 * @param op as it is below
 * @param undone what leads from the data after the op, as it was made, to the data before it below
 * @returns undefined where the data can't be known
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

/** The entries of one document, from the top. */
function entriesOf<Doc>({entries}: StackItem<Doc>, doc: Doc): Entry<Doc>[] {
  return entries.filter(entry => entry.doc === doc).reverse();
}

function removeWhere<T>(list: T[], condition: (item: T) => boolean): void {
  const kept = list.filter(item => !condition(item));
  if (kept.length !== list.length) list.splice(0, list.length, ...kept);
}
