import {EventEmitter} from 'sharedb/lib/emitter.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {systemClock} from '../platform/browser.js';
import type {UndoHook, UndoMark} from '../protocol/undo.js';
import type {TypedEvents} from '../tab/events.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import {DocWatcher, invert} from './doc-watcher.js';
import {ChangeLog} from './change-log.js';
import {deltaBetween} from './difference.js';
import {OpStack, type Entry, type StackItem} from './op-stack.js';
import {SharedDocWatcher} from './shared-doc-watcher.js';
import {SharedScope} from './shared-scope.js';
import {Stacks} from './stacks.js';
import type {DoneOp, StackItemEvent, UndoEvents, UndoOptions, UndoableDoc, Watcher, WatcherEvents} from './types.js';

const TypedEmitter = EventEmitter as unknown as new () => TypedEvents<UndoEvents>;

type Action = 'undo' | 'redo';
type Meta = StackItem<UndoableDoc>['meta'];

/**
 * Undoes and redoes this tab's own ops on one or several documents, or those of all tabs of this browser, and nobody else's. What
 * others have done since stays: the inverse ops are transformed over it. Creations and deletions of documents are not undone.
 *
 * Works for every OT type that can invert its ops: json0, json1, rich-text and text-unicode are tested.
 * When a document is loaded anew with another state (`load` event) or deleted, its steps are forgotten.
 */
export class UndoManager extends TypedEmitter {
  private stacks: Stacks<UndoableDoc>;
  private readonly log = new ChangeLog<UndoableDoc>();
  /** Documents with ops that can be undone, and that the server has not acknowledged. */
  private readonly unconfirmed = new Set<UndoableDoc>();
  private readonly watchers = new Map<UndoableDoc, Watcher>();
  private readonly captureTimeout: number;
  private readonly sources: ReadonlySet<unknown> | undefined;
  private readonly shared: SharedScope | undefined;
  /** The step that ops of now belong to, and when the last one was captured, in ms since the epoch. */
  private step = '';
  private capturedAt = -Infinity;
  private steps = 0;
  /** The app's data of steps that are not on a stack yet; and of the one that the app was told of last. */
  private readonly metas = new Map<string, Meta>();
  private told: Meta | undefined;
  /** Steps that were forgotten before the host had all of their ops. */
  private readonly forgotten = new Set<string>();
  /** Steps that this manager has taken back, or has tried to, without being asked. */
  private readonly corrected = new Set<string>();
  /** The step that is being undone or redone, and how many ops the op does so with. */
  private reverting: {action: Action; step: string; ops: number} | undefined;

  /**
   * @param docs of the types that can invert their ops, subscribed now or later
   * @throws RangeError for options that make no sense, TypeError where there is no document, or none of `createConnection` for the
   *   scope `'browser'`, and Error where this tab has a manager of that scope for one of the documents
   */
  constructor(docs: UndoableDoc | readonly UndoableDoc[], options: UndoOptions = {}) {
    super();
    const {captureTimeout = 500, limit = 100, sources, scope = 'tab'} = options;
    if (!(captureTimeout >= 0)) throw new RangeError('UndoManager: captureTimeout must be a number of ms, 0 or more');
    if (!(Number.isInteger(limit) && limit > 0)) throw new RangeError('UndoManager: limit must be a whole number above 0');
    if (scope !== 'tab' && scope !== 'browser') throw new RangeError("UndoManager: scope must be 'tab' or 'browser'");
    const all = [...new Set(Array.isArray(docs) ? (docs as readonly UndoableDoc[]) : [docs as UndoableDoc])];
    if (!all.length || !all.every(doc => typeof doc?.submitOp === 'function')) {
      throw new TypeError('UndoManager: give it a document, or an array of documents');
    }
    this.captureTimeout = captureTimeout;
    this.sources = sources && new Set(sources);
    this.stacks = Stacks.empty(limit, scope === 'browser', step => this.metaOf(step));
    this.shared = scope === 'browser' ? new SharedScope(all, doc => this.hookOf(doc)) : undefined;
    if (!this.shared) for (const doc of all) this.watchers.set(doc, new DocWatcher(doc, this.eventsOf(doc)));
  }

  /** Whether there is a step that `undo` takes back. */
  get canUndo(): boolean {
    return this.stacks.undo.isUseful || this.hasUnsent;
  }

  /** Whether there is a step that `redo` makes again. */
  get canRedo(): boolean {
    return this.stacks.redo.isUseful && !this.hasUnsent;
  }

  /** Whether the shared stack does not have yet what this tab has captured. */
  private get hasUnsent(): boolean {
    return !!this.shared && [...this.watchers.values()].some(watcher => (watcher as SharedDocWatcher).hasUnsent);
  }

  /**
   * Undoes the last step.
   * @returns whether there was one. With the scope `'tab'` the documents show the result when the call returns; with `'browser'`, when
   *   the promise resolves, since tabs take turns: it waits while there is no host. Without a connection it is `false`
   */
  undo(): Promise<boolean> {
    return this.act('undo');
  }

  /**
   * Redoes the step that was undone last. An op that is captured after an undo ends the possibility.
   * @returns as `undo`
   */
  redo(): Promise<boolean> {
    return this.act('redo');
  }

  /** The next op begins a new step, however soon it comes. */
  stopCapturing(): void {
    this.capturedAt = -Infinity;
  }

  /** Forgets all steps, in this tab. */
  clear(): void {
    this.stacks.clear();
    this.log.clear();
    this.metas.clear();
    this.corrected.clear();
    for (const doc of this.shared?.docs ?? []) for (const {undo} of doc.unsent) if (undo?.kind === 'capture') this.forgotten.add(undo.step);
    this.stopCapturing();
    this.emit('change');
  }

  /** Stops following the documents, and forgets all steps. Closing twice is no error. */
  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    if (this.watchers.size) this.shared?.close();
    this.watchers.clear();
    this.clear();
  }

  /** Handles the events of a document's watcher. */
  private eventsOf(doc: UndoableDoc): WatcherEvents {
    return {
      isOwn: source => source === this || this.isCaptured(source),
      needsInverses: () => !this.log.isEmpty,
      onOwnOp: (op, source) => this.onOwnOp(doc, op, source),
      onOp: op => this.onOp(doc, op),
      onLoad: before => this.onLoad(doc, before),
      onLost: () => this.forget(doc),
      onConfirmed: () => {
        this.unconfirmed.delete(doc);
        if (!this.unconfirmed.size) this.log.clear();
      }
    };
  }

  private hookOf(doc: ProxyDoc): UndoHook<PendingOp> {
    const watcher = new SharedDocWatcher(doc, this.eventsOf(doc));
    this.watchers.set(doc, watcher);
    return {markOf: source => this.markOf(source), onSequenced: op => watcher.onSequenced(op)};
  }

  private isCaptured(source: unknown): boolean {
    return source !== this && (!this.sources || this.sources.has(source));
  }

  // ---- what this tab does

  /** The mark of an op that is about to be applied. It tells the other tabs how the op concerns the stack. */
  private markOf(source: unknown): UndoMark | undefined {
    const {reverting} = this;
    if (source === this) return reverting && {kind: reverting.action, step: reverting.step, ops: reverting.ops};
    return this.isCaptured(source) ? {kind: 'capture', step: this.stepOfNow(), ops: 1} : undefined;
  }

  /** The id of the step that an op which is made now belongs to. */
  private stepOfNow(): string {
    const [doc] = this.watchers.keys();
    const {top} = this.stacks.undo;
    const now = (doc!.connection.clock ?? systemClock).now();
    const isSoon = this.captureTimeout > 0 && now - this.capturedAt < this.captureTimeout && now >= this.capturedAt;
    this.capturedAt = now;
    // The last captured op may have been refused.
    if (!isSoon || (!this.shared && top?.id !== this.step)) this.step = this.shared?.newStep() ?? String(++this.steps);
    return this.step;
  }

  private onOwnOp(doc: UndoableDoc, op: DoneOp, source: unknown): void {
    const {reverting} = this;
    if (this.shared) {
      // The op is put on the stack with its place in the history.
      if (!reverting) this.tellCaptured(this.metaOf(this.step));
      return;
    }
    const mark = this.markOf(source);
    this.change(doc, {...op, mark});
    if (mark?.kind !== 'capture') return;
    this.tellCaptured(this.metaOf(mark.step));
  }

  /** The app's data of a step. */
  private metaOf(id: string): Meta {
    const {undo, redo} = this.stacks;
    const meta = (undo.find(id) ?? redo.find(id))?.meta ?? this.metas.get(id);
    if (meta) return meta;
    const made: Meta = new Map();
    this.metas.set(id, made);
    return made;
  }

  private tellCaptured(meta: Meta): void {
    const isUpdate = this.told === meta;
    this.told = meta;
    this.tellItem(isUpdate ? 'stack-item-updated' : 'stack-item-added', 'undo', meta);
    this.emit('change');
  }

  private act(action: Action): Promise<boolean> {
    return this.shared ? this.shared.inTurn(() => this.revert(action)) : Promise.resolve(this.revert(action));
  }

  private revert(action: Action): boolean {
    for (const watcher of this.watchers.values()) watcher.flush();
    const stack = this.stacks[action];
    this.stopCapturing();
    // A step that removes all that it has inserted needs no op.
    while (!this.shared && stack.top && !OpStack.opsOf(stack.top).length) stack.items.pop();
    const item = stack.lastUseful;
    if (!item) return false;
    this.submit(action, item.id, OpStack.opsOf(item));
    const other = opposite(action);
    // From a shared stack, each tab takes it with the op's place in the history.
    const canRevert = !!this.shared || this.stacks[other].top?.id === item.id;
    if (!this.shared) this.stacks[action].remove(item.id);
    this.tellItem('stack-item-popped', action, item.meta);
    if (canRevert) this.tellItem('stack-item-added', other, item.meta);
    this.emit('change');
    return true;
  }

  private submit(action: Action, step: string, ops: readonly Entry<UndoableDoc>[]): void {
    try {
      for (const {doc, op, ops: count} of ops) {
        this.reverting = {action, step, ops: count};
        doc.submitOp(op, {source: this}, error => { if (error) this.tell(doc, error as Error); });
      }
    } finally {
      this.reverting = undefined;
    }
  }

  /**
   * The server has refused an op that had been undone. ShareDB takes back the op, and the undo has done so, too: text that the op had
   * removed is there twice. Takes back what the undo has done too much. Listeners hear of the rollback first: they may be called after
   * this manager.
   */
  private correctSoon(): void {
    const {shared} = this;
    if (!this.excess) return;
    if (shared) void shared.inTurn(() => this.correct());
    else queueMicrotask(() => this.correct());
  }

  /** A step that should not be there, and has not been taken back yet. */
  private get excess(): StackItem<UndoableDoc> | undefined {
    return this.stacks.undo.items.findLast(({id, isExcess}) => isExcess && !this.corrected.has(id));
  }

  private correct(): boolean {
    for (const watcher of this.watchers.values()) watcher.flush();
    for (let item; (item = this.excess);) {
      this.corrected.add(item.id);
      try {
        this.submit('undo', item.id, this.stacks.undo.onTop(item, doc => this.watchers.get(doc)!.dataOf(doc.data)));
      } catch {
        // It stays a step that the user can undo.
      }
    }
    this.emit('change');
    return true;
  }

  private tellItem(event: 'stack-item-added' | 'stack-item-updated' | 'stack-item-popped', type: Action, meta: Meta): void {
    this.emit(event, {type, meta} satisfies StackItemEvent);
  }

  private tell(doc: UndoableDoc, error: Error & {code?: unknown}): void {
    // The app has closed the connection: nobody waits for what becomes of the op.
    if (error.code === 'ERR_TABS_CLOSED') return;
    if (this.listenerCount('error')) this.emit('error', error);
    else doc.emit('error', error);
  }

  // ---- what others do, and on a shared stack this tab, too

  private onOp(doc: UndoableDoc, op: DoneOp): void {
    const mark = op.mark && !this.forgotten.has(op.mark.step) ? op.mark : undefined;
    const {step} = this;
    if (mark && (mark.kind !== 'capture' || mark.step !== step)) this.stopCapturing();
    const stacks = op.isRefused && op.dataAfter && op.inverse !== undefined
      ? this.log.without(op.isRefused, {doc, ...op, mark: undefined}, one => (one === doc ? op.dataAfter!() : this.watchers.get(one)!.dataOf(one.data)))
      : undefined;
    if (stacks) this.stacks = stacks;
    else this.change(doc, {...op, mark});
    if (stacks || mark) this.correctSoon();
    this.emit('change');
  }

  /** Puts on the stacks what has been done to a document. */
  private change(doc: UndoableDoc, {type, op, inverse, mark, sentIn, dataAfter}: DoneOp): void {
    if (mark && inverse === undefined) return this.forget(doc);
    const change = {doc, type, op, inverse, mark, sentIn};
    this.log.add(change, this.stacks);
    if (sentIn) this.unconfirmed.add(doc);
    this.stacks.apply(change, dataAfter);
    if (mark) this.metas.delete(mark.step);
  }

  private onLoad(doc: UndoableDoc, before: unknown): void {
    const type = doc.type as Type | null;
    if (!type) return this.forget(doc);
    const dataBefore = (one: UndoableDoc): unknown => this.watchers.get(one)!.dataOf(one === doc ? before : one.data);
    const stacks = this.log.withoutLost(doc, type, dataBefore, doc.data);
    const op = deltaBetween(before, doc.data);
    if (stacks) this.stacks = stacks;
    else if (op === undefined) return this.forget(doc);
    else this.change(doc, {type, op, inverse: invert({type, data: before}, op), mark: undefined, sentIn: undefined, isRefused: undefined});
    this.emit('change');
  }

  private forget(doc: UndoableDoc): void {
    this.stacks.forget(doc);
    this.log.forget(doc);
    this.stopCapturing();
    this.emit('change');
  }
}

function opposite(action: Action): Action {
  return action === 'undo' ? 'redo' : 'undo';
}
