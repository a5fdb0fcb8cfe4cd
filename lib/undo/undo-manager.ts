import {EventEmitter} from 'sharedb/lib/emitter.js';
import type {Type} from 'sharedb/lib/sharedb.js';
import {copied, withRemoved} from '../ot/invert.js';
import {systemClock} from '../platform/browser.js';
import type {UndoHook, UndoMark} from '../protocol/undo.js';
import type {TypedEvents} from '../tab/events.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import {DocWatcher, invert} from './doc-watcher.js';
import {ChangeLog} from './change-log.js';
import {checkDocs, checkOptions} from './check-options.js';
import {textDifference} from './difference.js';
import {OpStack, type Entry, type StackItem} from './op-stack.js';
import {SharedDocWatcher} from './shared-doc-watcher.js';
import {SharedScope} from './shared-scope.js';
import {Stacks} from './stacks.js';
import type {DoneOp, StackItemEvent, UndoEvents, UndoOptions, UndoableDoc, Watcher, WatcherEvents} from './types.js';

const TypedEmitter = EventEmitter as unknown as new () => TypedEvents<UndoEvents>;

type Action = 'undo' | 'redo';
type Meta = StackItem<UndoableDoc>['meta'];

/**
 * Undoes and redoes the ops of this tab on one or several documents, or those of all tabs of this browser, but not those of others. Later
 * ops of others stay: the inverse ops are transformed over them. Creations and deletions of documents are not undone.
 *
 * Works for every OT type that can invert its ops: json0, json1, rich-text and text-unicode are tested. When a document is deleted, its
 * steps are dropped. They are also dropped when the document is loaded with another state (`load` event), unless this state only lacks
 * unacknowledged ops, or the type is rich-text or text-unicode, whose differences can be computed.
 */
export class UndoManager extends TypedEmitter {
  private stacks: Stacks<UndoableDoc>;
  private readonly log = new ChangeLog<UndoableDoc>();
  /** The documents with logged ops that the server has not acknowledged. */
  private readonly unconfirmed = new Set<UndoableDoc>();
  private readonly watchers = new Map<UndoableDoc, Watcher>();
  private readonly captureTimeout: number;
  private readonly sources: ReadonlySet<unknown> | undefined;
  private readonly shared: SharedScope | undefined;
  /** The step that the next op may belong to, and when the last op was captured, in ms since the epoch. */
  private step = '';
  private capturedAt = -Infinity;
  private steps = 0;
  /** The app's data of steps that are not on a stack yet. */
  private readonly metas = new Map<string, Meta>();
  /** The app's data of the step that was last reported as captured. */
  private lastCaptured: Meta | undefined;
  /** Steps that were dropped before the host had placed all of their ops. */
  private readonly forgotten = new Set<string>();
  /** Excess steps that this manager has undone, or has tried to undo, without a call of the app. */
  private readonly corrected = new Set<string>();
  /** The step that is being undone or redone, and the number of captured ops that the submitted op undoes or redoes. */
  private reverting: {action: Action; step: string; ops: number} | undefined;

  /**
   * @param docs documents of types that can invert their ops. They can be subscribed later.
   * @throws RangeError if an option is out of range; TypeError if an option is unknown or has a wrong type, if there is no document, or if
   *   the scope is `'browser'` and the documents do not belong to one connection of `createConnection`; Error if this tab already has a
   *   manager with this scope for one of the documents
   */
  constructor(docs: UndoableDoc | readonly UndoableDoc[], options: UndoOptions = {}) {
    super();
    const {captureTimeout, limit, sources, scope} = checkOptions(options);
    const all = checkDocs(docs);
    this.captureTimeout = captureTimeout;
    this.sources = sources && new Set(sources);
    this.stacks = Stacks.empty(limit, scope === 'browser', step => this.metaOf(step));
    this.shared = scope === 'browser' ? new SharedScope(all, doc => this.hookOf(doc)) : undefined;
    if (!this.shared) for (const doc of all) this.watchers.set(doc, new DocWatcher(doc, this.eventsOf(doc)));
  }

  /** Whether there is a step to undo. */
  get canUndo(): boolean {
    return this.stacks.undo.isUseful || this.hasUnsent;
  }

  /** Whether there is a step to redo. */
  get canRedo(): boolean {
    return this.stacks.redo.isUseful && !this.hasUnsent;
  }

  /** Whether this tab has captured ops that are not on the shared stack yet, because the host has not placed them. */
  private get hasUnsent(): boolean {
    return !!this.shared && [...this.watchers.values()].some(watcher => (watcher as SharedDocWatcher).hasUnsent);
  }

  /**
   * Undoes the last step.
   * @returns whether there was a step. With the scope `'tab'`, the documents show the result when the call returns. With `'browser'`, they
   *   show it when the promise resolves, because tabs take turns. The promise waits while there is no host, and resolves to `false` if the
   *   connection is closed.
   */
  undo(): Promise<boolean> {
    return this.act('undo');
  }

  /**
   * Redoes the step that was undone last. After an op is captured, the undone steps can't be redone.
   * @returns as `undo`
   */
  redo(): Promise<boolean> {
    return this.act('redo');
  }

  /** Ends the current step, so that the next op begins a new one within `captureTimeout`, too. */
  stopCapturing(): void {
    this.capturedAt = -Infinity;
  }

  /** Drops all steps, only in this tab. */
  clear(): void {
    this.stacks.clear();
    this.log.clear();
    this.metas.clear();
    this.corrected.clear();
    for (const doc of this.shared?.docs ?? []) for (const {undo} of doc.unsent) if (undo?.kind === 'capture') this.forgotten.add(undo.step);
    this.stopCapturing();
    this.emit('change');
  }

  /**
   * Stops following the documents, and drops all steps. Calls of `undo` and `redo` that wait resolve to `false`. May be called twice.
   */
  close(): void {
    if (!this.watchers.size) return;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    this.shared?.close();
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

  /** The mark of an op that is about to be applied: its role on the stacks. */
  private markOf(source: unknown): UndoMark | undefined {
    const {reverting} = this;
    if (source === this) return reverting && {kind: reverting.action, step: reverting.step, ops: reverting.ops};
    return this.isCaptured(source) ? {kind: 'capture', step: this.stepOfNow(), ops: 1} : undefined;
  }

  /** The id of the step that an op belongs to if it is made now. */
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
      // The op is put on the stack when the host has placed it.
      if (!reverting && op.inverse !== undefined) this.reportCaptured(this.metaOf(this.step));
      return;
    }
    const mark = this.markOf(source);
    this.change(doc, {...op, mark});
    // An op that the type can't invert is not put on the stack.
    if (mark?.kind !== 'capture' || op.inverse === undefined) return;
    this.reportCaptured(this.metaOf(mark.step));
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

  private reportCaptured(meta: Meta): void {
    const isUpdate = this.lastCaptured === meta;
    this.lastCaptured = meta;
    this.emitItem(isUpdate ? 'stack-item-updated' : 'stack-item-added', 'undo', meta);
    this.emit('change');
  }

  private async act(action: Action): Promise<boolean> {
    return this.shared ? this.shared.inTurn(() => this.revert(action)) : this.revert(action);
  }

  private revert(action: Action): boolean {
    for (const watcher of this.watchers.values()) watcher.flush();
    const stack = this.stacks[action];
    this.stopCapturing();
    // A step whose ops cancel each other out needs no op.
    while (!this.shared && stack.top && !OpStack.opsOf(stack.top).length) stack.items.pop();
    const item = stack.lastUseful;
    if (!item) return false;
    this.submit(action, item.id, OpStack.opsOf(item));
    const other = opposite(action);
    // Each tab takes the step from a shared stack when the host has placed the op.
    const canRevert = !!this.shared || this.stacks[other].top?.id === item.id;
    if (!this.shared) this.stacks[action].remove(item.id);
    this.emitItem('stack-item-popped', action, item.meta);
    if (canRevert) this.emitItem('stack-item-added', other, item.meta);
    this.emit('change');
    return true;
  }

  private submit(action: Action, step: string, ops: readonly Entry<UndoableDoc>[]): void {
    try {
      for (const {doc, op, ops: count} of ops) {
        this.reverting = {action, step, ops: count};
        doc.submitOp(copied(withRemoved(doc.type as Type, op, doc.data)), {source: this}, error => { if (error) this.reportError(doc, error as Error); });
      }
    } finally {
      this.reverting = undefined;
    }
  }

  /**
   * Undoes excess steps in a later microtask or turn. If the server refuses an op that was undone, ShareDB takes the op back, although the
   * undo has done so: text that the op had removed is then in the document twice. Because of the delay, listeners that are called after
   * this manager get the rollback first.
   */
  private correctSoon(): void {
    const {shared} = this;
    if (!this.excess) return;
    if (shared) void shared.inTurn(() => this.correct());
    else queueMicrotask(() => this.correct());
  }

  /** The last excess step that this manager has not tried to undo. */
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
        // The step stays, and the user can undo it.
      }
    }
    this.emit('change');
    return true;
  }

  private emitItem(event: 'stack-item-added' | 'stack-item-updated' | 'stack-item-popped', type: Action, meta: Meta): void {
    this.emit(event, {type, meta} satisfies StackItemEvent);
  }

  private reportError(doc: UndoableDoc, error: Error & {code?: unknown}): void {
    // The app has closed the connection, so the op's outcome is not reported.
    if (error.code === 'ERR_TABS_CLOSED') return;
    if (this.listenerCount('error')) this.emit('error', error);
    else doc.emit('error', error);
  }

  // ---- what others do; with a shared stack also what this tab does

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

  /** Applies an op to the stacks. */
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
    const op = textDifference(type, before, doc.data);
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
