import equal from 'fast-deep-equal';
import {EventEmitter} from 'sharedb/lib/emitter.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {inverseOf} from '../ot/invert.js';
import {systemClock} from '../platform/browser.js';
import type {Clock} from '../platform/platform.js';
import type {TypedEvents} from '../tab/events.js';
import {OpStack, type Entry, type StackItem} from './op-stack.js';

/** A document of `createConnection`, or of ShareDB's own client. */
export interface UndoableDoc {
  readonly type: any;
  readonly data: any;
  readonly connection: {id: string | null; clock?: Clock};
  submitOp(op: any, options: {source: any}, callback: (error?: any) => void): unknown;
  prependListener(event: any, listener: (...args: any[]) => void): unknown;
  off(event: any, listener: (...args: any[]) => void): unknown;
  emit(event: any, ...args: any[]): unknown;
}

/** The options of an `UndoManager`. */
export interface UndoOptions {
  /** Captures only ops with one of these sources (`doc.submitOp(op, {source})`; `true` where none is given). Default: all of this tab's. */
  sources?: readonly unknown[] | undefined;
  /** Ops that follow each other within so many ms are undone together. 0: each by itself. Default 500. */
  captureTimeout?: number | undefined;
  /** How many steps are kept; older ones are forgotten. Default 100. */
  limit?: number | undefined;
}

/** What the events of an {@link UndoManager} carry. */
export interface StackItemEvent {
  /** Where the item was put or taken from. */
  type: 'undo' | 'redo';
  /** The app's own data of the step, such as the cursor before it. The step that redoes an undone one has the same. */
  meta: Map<unknown, unknown>;
}

/** What an `UndoManager` emits. */
export interface UndoEvents {
  /** A step was added to a stack. */
  'stack-item-added': (event: StackItemEvent) => void;
  /** Ops were added to the last step. */
  'stack-item-updated': (event: StackItemEvent) => void;
  /** A step was undone or redone. */
  'stack-item-popped': (event: StackItemEvent) => void;
  /** `canUndo` or `canRedo` may have changed. */
  'change': () => void;
  /** The server refused an op that undoes or redoes something. Without a listener it is an `error` event of the document. */
  'error': (error: Error) => void;
}

const TypedEmitter = EventEmitter as unknown as new () => TypedEvents<UndoEvents>;

/**
 * Undoes and redoes this tab's own ops on one or several documents, and nobody else's. What others have done since stays:
 * the inverse ops are transformed over it. Creations and deletions of documents are not undone.
 *
 * Works for every OT type that can invert its ops: json0, json1, rich-text and text-unicode are tested.
 * When a document is loaded anew (`load` event) or deleted, its steps are forgotten.
 */
export class UndoManager extends TypedEmitter {
  private readonly docs: readonly UndoableDoc[];
  private readonly undoStack: OpStack<UndoableDoc>;
  private readonly redoStack: OpStack<UndoableDoc>;
  private readonly captureTimeout: number;
  private readonly sources: ReadonlySet<unknown> | undefined;
  private readonly subscriptions: (() => void)[] = [];
  private capturedAt = -Infinity;
  /** The step that is being undone or redone, and where its inverse goes. */
  private reverting: {target: OpStack<UndoableDoc>; item: StackItem<UndoableDoc>} | undefined;
  /** The inverse of the op that is about to be applied. */
  private inverse: unknown;
  /** An op of somebody else, of which json0 tells each component by itself. */
  private foreign: {doc: UndoableDoc; type: Type; op: unknown; isRollback: boolean} | undefined;
  /** What each document showed last. json0 changes it in place, until something is loaded in its place. */
  private readonly shown = new Map<UndoableDoc, unknown>();

  /** @throws RangeError for options that make no sense, TypeError where there is no document */
  constructor(docs: UndoableDoc | readonly UndoableDoc[], options: UndoOptions = {}) {
    super();
    const {captureTimeout = 500, limit = 100, sources} = options;
    if (!(captureTimeout >= 0)) throw new RangeError('UndoManager: captureTimeout must be a number of ms, 0 or more');
    if (!(Number.isInteger(limit) && limit > 0)) throw new RangeError('UndoManager: limit must be a whole number above 0');
    this.docs = [...new Set(Array.isArray(docs) ? (docs as readonly UndoableDoc[]) : [docs as UndoableDoc])];
    if (!this.docs.length || !this.docs.every(doc => typeof doc?.submitOp === 'function')) {
      throw new TypeError('UndoManager: give it a document, or an array of documents');
    }
    this.captureTimeout = captureTimeout;
    this.sources = sources && new Set(sources);
    this.undoStack = new OpStack(limit);
    this.redoStack = new OpStack(limit);
    for (const doc of this.docs) this.follow(doc);
  }

  get canUndo(): boolean {
    return this.undoStack.items.length > 0;
  }

  get canRedo(): boolean {
    return this.redoStack.items.length > 0;
  }

  /**
   * Undoes the last step.
   * @returns whether there was one; the documents show the result when the call returns
   */
  undo(): Promise<boolean> {
    return this.revert(this.undoStack, this.redoStack, 'undo');
  }

  /**
   * Redoes the step that was undone last. An op of this tab that is made after an undo ends the possibility.
   * @returns whether there was one; the documents show the result when the call returns
   */
  redo(): Promise<boolean> {
    return this.revert(this.redoStack, this.undoStack, 'redo');
  }

  /** The next op begins a new step, however soon it comes. */
  stopCapturing(): void {
    this.capturedAt = -Infinity;
  }

  /** Forgets all steps. */
  clear(): void {
    this.undoStack.clear();
    this.redoStack.clear();
    this.stopCapturing();
    this.emit('change');
  }

  /** Stops following the documents, and forgets all steps. Closing twice is no error. */
  close(): void {
    for (const end of this.subscriptions.splice(0)) end();
    this.clear();
  }

  private follow(doc: UndoableDoc): void {
    const listen = (event: string, listener: (...args: any[]) => void): void => {
      doc.prependListener(event, listener);
      this.subscriptions.push(() => doc.off(event, listener));
    };
    this.shown.set(doc, doc.data);
    listen('before op', (op, source, src) => { this.inverse = this.isOwn(source, src) ? this.invert(doc, op) : undefined; });
    listen('op', (op, source, src) => this.onOp(doc, op, source, src));
    listen('op batch', () => this.takeForeign());
    listen('load', () => this.onLoad(doc));
    listen('del', () => this.forget(doc));
    listen('no write pending', () => {
      this.undoStack.confirm(doc);
      this.redoStack.confirm(doc);
    });
  }

  /** Ops of others have the id of the client that made them; an op that takes back a refused one is from nobody. */
  private isOwn(source: unknown, src: unknown): boolean {
    if (source === false || (src !== undefined && src !== null)) return false;
    return source === this || !this.sources || this.sources.has(source);
  }

  private invert(doc: UndoableDoc, op: unknown): unknown {
    const type = doc.type as Type | null;
    if (!type) return undefined;
    try {
      return inverseOf(type, op, doc.data);
    } catch {
      // The op does not apply either: ShareDB tells of it.
      return undefined;
    }
  }

  private onOp(doc: UndoableDoc, op: unknown, source: unknown, src: unknown): void {
    const type = doc.type as Type;
    this.shown.set(doc, doc.data);
    const isOwn = this.isOwn(source, src);
    if (isOwn) this.takeForeign();
    if (isOwn && this.inverse === undefined) return this.forget(doc);
    if (isOwn) {
      const entry: Entry<UndoableDoc> = {doc, type, op: this.inverse, isPending: true};
      this.inverse = undefined;
      if (source === this) this.keepReverted(entry);
      else this.capture(entry);
      return;
    }
    const {foreign} = this;
    if (foreign?.doc === doc && Array.isArray(op)) {
      foreign.op = [...(foreign.op as unknown[]), ...op];
      return;
    }
    this.takeForeign();
    const isRollback = source === false && (src === undefined || src === null || src === doc.connection.id);
    this.foreign = {doc, type, op, isRollback};
  }

  private takeForeign(): void {
    const {foreign} = this;
    if (!foreign) return;
    this.foreign = undefined;
    this.carryOver(foreign.doc, foreign.type, foreign.op, foreign.isRollback);
  }

  private carryOver(doc: UndoableDoc, type: Type, op: unknown, isRollback: boolean): void {
    this.undoStack.transform(doc, type, op, isRollback);
    this.redoStack.transform(doc, type, op, isRollback);
    this.emit('change');
  }

  /** Another host may load what the document shows already, for instance after the death of the last one. */
  private onLoad(doc: UndoableDoc): void {
    this.foreign = undefined;
    const before = this.shown.get(doc);
    this.shown.set(doc, doc.data);
    if (equal(before, doc.data)) return;
    const type = doc.type as Type | null;
    if (type) {
      const isRefusal = this.undoStack.dropTakenBack(doc, type, before, doc.data) || this.redoStack.dropTakenBack(doc, type, before, doc.data);
      if (isRefusal) {
        this.emit('change');
        return;
      }
    }
    // A Delta (rich-text) can tell what the difference is.
    const difference = (before as {diff?(other: unknown): unknown} | undefined)?.diff?.(doc.data);
    if (difference !== undefined && type) this.carryOver(doc, type, difference, true);
    else this.forget(doc);
  }

  private capture(entry: Entry<UndoableDoc>): void {
    const now = (entry.doc.connection.clock ?? systemClock).now();
    const isSameStep = this.captureTimeout > 0 && now - this.capturedAt < this.captureTimeout && now >= this.capturedAt;
    this.capturedAt = now;
    this.redoStack.clear();
    const top = this.undoStack.top;
    const isUpdate = isSameStep && top !== undefined;
    const item = isUpdate ? top : {entries: [], meta: new Map<unknown, unknown>()};
    OpStack.add(item, entry);
    if (!isUpdate) this.undoStack.push(item);
    this.emit(isUpdate ? 'stack-item-updated' : 'stack-item-added', {type: 'undo', meta: item.meta});
    this.emit('change');
  }

  private keepReverted(entry: Entry<UndoableDoc>): void {
    OpStack.add(this.reverting!.item, entry);
  }

  private revert(from: OpStack<UndoableDoc>, to: OpStack<UndoableDoc>, type: 'undo' | 'redo'): Promise<boolean> {
    this.takeForeign();
    const item = from.items.pop();
    if (!item) return Promise.resolve(false);
    this.stopCapturing();
    const reverted: StackItem<UndoableDoc> = {entries: [], meta: item.meta};
    this.reverting = {target: to, item: reverted};
    try {
      for (const {doc, op} of [...item.entries].reverse()) {
        doc.submitOp(op, {source: this}, error => { if (error) this.tell(doc, error as Error); });
      }
    } finally {
      this.reverting = undefined;
    }
    if (reverted.entries.length) to.push(reverted);
    this.emit('stack-item-popped', {type, meta: item.meta});
    if (reverted.entries.length) this.emit('stack-item-added', {type: type === 'undo' ? 'redo' : 'undo', meta: item.meta});
    this.emit('change');
    return Promise.resolve(true);
  }

  private tell(doc: UndoableDoc, error: Error & {code?: unknown}): void {
    // The app has closed the connection: nobody waits for what becomes of the op.
    if (error.code === 'ERR_TABS_CLOSED') return;
    if (this.listenerCount('error')) this.emit('error', error);
    else doc.emit('error', error);
  }

  private forget(doc: UndoableDoc): void {
    this.undoStack.forget(doc);
    this.redoStack.forget(doc);
    this.stopCapturing();
    this.emit('change');
  }
}
