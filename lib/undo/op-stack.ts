import type {Type} from 'sharedb/lib/sharedb.js';
import equal from 'fast-deep-equal';

/** What undoes (or redoes) one op, or several that were composed, on one document. */
export interface Entry<Doc> {
  readonly doc: Doc;
  readonly type: Type;
  op: unknown;
  /** The server has not acknowledged the op that this undoes: it may still be refused. */
  isPending: boolean;
}

/** What one call of `undo` takes back; the last entry first. */
export interface StackItem<Doc> {
  readonly entries: Entry<Doc>[];
  /** The app's own, such as cursors. */
  readonly meta: Map<unknown, unknown>;
}

/** Of a composed op that is refused, at most so many entries are looked at. */
const MAX_COMPOSED = 64;

/**
 * A stack of ops of which the top one applies to the document as it is now, and each other one to what the one above leads to.
 * Ops of others are carried down from the top: each entry is transformed over them, and they over the entry.
 */
export class OpStack<Doc> {
  readonly items: StackItem<Doc>[] = [];

  constructor(private readonly limit: number) {}

  get top(): StackItem<Doc> | undefined {
    return this.items.at(-1);
  }

  push(item: StackItem<Doc>): void {
    this.items.push(item);
    if (this.items.length > this.limit) this.items.shift();
  }

  /** Adds to an item what undoes an op that was made on top of it. */
  static add<Doc>(item: StackItem<Doc>, entry: Entry<Doc>): void {
    const last = item.entries.at(-1);
    const canCompose = last && last.doc === entry.doc && last.type === entry.type && !last.isPending && entry.type.compose;
    if (!canCompose) item.entries.push(entry);
    else {
      // The later op is undone first.
      last.op = entry.type.compose!(entry.op, last.op);
      last.isPending = entry.isPending;
    }
  }

  /**
   * Somebody else's op has been applied to the document.
   * @param isRollback it may take back a refused op of this tab
   */
  transform(doc: Doc, type: Type, foreign: unknown, isRollback: boolean): void {
    let op = foreign;
    for (let i = this.items.length - 1; i >= 0; i--) {
      const {entries} = this.items[i]!;
      for (let j = entries.length - 1; j >= 0; j--) {
        const entry = entries[j]!;
        if (entry.doc !== doc) continue;
        if (isRollback && entry.isPending && this.dropRefused(i, j, op)) return;
        const before = entry.op;
        entry.op = type.transform(before, op, 'right');
        op = type.transform(op, before, 'left');
      }
    }
    this.dropNoops();
  }

  /** The server has acknowledged all ops of a document. */
  confirm(doc: Doc): void {
    for (const {entries} of this.items) for (const entry of entries) if (entry.doc === doc) entry.isPending = false;
  }

  /** A document has another state, to which no op has led. */
  forget(doc: Doc): void {
    for (const {entries} of this.items) removeWhere(entries, entry => entry.doc === doc);
    this.dropEmpty();
  }

  clear(): void {
    this.items.length = 0;
  }

  /**
   * Another state has been loaded. If it is the one before the last ops that the server has not acknowledged, these were refused.
   * @returns whether it is; their entries are dropped then
   */
  dropTakenBack(doc: Doc, type: Type, before: unknown, after: unknown): boolean {
    const refused = this.pendingFrom(doc, type, this.items.length - 1, Infinity, undone => {
      try {
        return equal(plain(type.apply(copyOf(type, before), copyOp(undone))), plain(after));
      } catch {
        return false;
      }
    });
    if (refused) this.drop(refused);
    return !!refused;
  }

  /**
   * If `op` is the same as this entry, or as this one and those below it composed, it has taken back what they would undo: they
   * go, and the ones below them apply as they are. Transformed over it instead, a deletion that is taken back would be undone twice.
   */
  private dropRefused(item: number, index: number, op: unknown): boolean {
    const {doc, type} = this.items[item]!.entries[index]!;
    const refused = this.pendingFrom(doc, type, item, index, undone => isSameOp(undone, op));
    if (refused) this.drop(refused);
    return !!refused;
  }

  /** The entries from here downward that fit, composed; undefined where none do, or one of them is acknowledged. */
  private pendingFrom(
    doc: Doc, type: Type, item: number, index: number, fits: (composed: unknown) => boolean
  ): Set<Entry<Doc>> | undefined {
    let composed: unknown;
    const seen = new Set<Entry<Doc>>();
    for (let i = item; i >= 0; i--) {
      const {entries} = this.items[i]!;
      for (let j = i === item ? Math.min(index, entries.length - 1) : entries.length - 1; j >= 0; j--) {
        const entry = entries[j]!;
        if (entry.doc !== doc) continue;
        if (!entry.isPending || seen.size === MAX_COMPOSED || (seen.size && !type.compose)) return undefined;
        composed = seen.size ? type.compose!(composed, entry.op) : entry.op;
        seen.add(entry);
        if (fits(composed)) return seen;
      }
    }
    return undefined;
  }

  private drop(dropped: ReadonlySet<Entry<Doc>>): void {
    for (const {entries} of this.items) removeWhere(entries, entry => dropped.has(entry));
    this.dropEmpty();
  }

  private dropNoops(): void {
    for (const {entries} of this.items) removeWhere(entries, ({op}) => isNoop(op));
    this.dropEmpty();
  }

  private dropEmpty(): void {
    removeWhere(this.items, ({entries}) => !entries.length);
  }
}

function removeWhere<T>(list: T[], condition: (item: T) => boolean): void {
  const kept = list.filter(item => !condition(item));
  if (kept.length !== list.length) list.splice(0, list.length, ...kept);
}

/** json1 has null for an op that does nothing; the others an empty list, a Delta one inside. */
function isNoop(op: unknown): boolean {
  return op === null || op === undefined || listOf(op).length === 0;
}

/** A class tells nothing of a value. */
function plain(data: unknown): unknown {
  return data === undefined ? data : (JSON.parse(JSON.stringify(data)) as unknown);
}

function copyOf(type: Type, data: unknown): unknown {
  return type.deserialize ? type.deserialize(plain(type.serialize ? type.serialize(data) : data)) : plain(data);
}

/** Types may keep or change what they are given. */
const copyOp = plain;

function isSameOp(one: unknown, other: unknown): boolean {
  return equal(listOf(one), listOf(other));
}

function listOf(op: unknown): readonly unknown[] {
  if (Array.isArray(op)) return op;
  const {ops} = (op ?? {}) as {ops?: unknown};
  return Array.isArray(ops) ? ops : [op];
}
