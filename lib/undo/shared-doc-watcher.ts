import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, inverseOf, serialized} from '../ot/invert.js';
import {isCount, isObject} from '../protocol/checks.js';
import type {UndoMark} from '../protocol/undo.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import {invert, listen, takenBackBy} from './doc-watcher.js';
import type {DoneOp, Watcher, WatcherEvents} from './types.js';

/** Whether a value is an undo mark. It may come from a tab of another build. */
export function isUndoMark(value: unknown): value is UndoMark {
  return isObject(value) && ['capture', 'undo', 'redo'].includes(value['kind'] as string) && typeof value['step'] === 'string' && isCount(value['ops']);
}

/**
 * Watches a document in the order of the host's history. All tabs get the same ops on the same data, so each computes the same stack. This
 * tab's ops that the host has not placed follow after these. They are kept with their inverses until the host has placed them.
 */
export class SharedDocWatcher implements Watcher {
  private readonly end: () => void;
  /** The inverses of this tab's ops that the host has not placed, in order; undefined if an inverse is not known. */
  private readonly inverses = new Map<PendingOp, unknown>();
  /** The ops that were composed of several, as were their inverses. */
  private readonly composed = new WeakSet<PendingOp>();
  private inverse: unknown;
  /** Whether an op is being applied component by component. An op that is made after some of the components can't be undone. */
  private isInParts = false;
  /** An op of another tab or of a client elsewhere that is being applied. */
  private arriving: DoneOp | undefined;
  private shown: unknown;

  constructor(private readonly doc: ProxyDoc, private readonly events: WatcherEvents) {
    this.shown = doc.data;
    this.end = listen(doc, {
      'before op batch': (op, source) => { if (source === false) this.beforeForeign(op); },
      'before op': (op, source) => { this.inverse = source === false || this.isInParts ? undefined : invert(doc, op); },
      'op': (_op, source) => this.onOp(source),
      'op batch': (_op, source) => this.endBatch(source),
      'load': () => this.onLoad(),
      'del': () => this.lose(),
      'no write pending': () => this.confirm()
    });
  }

  flush(): void {
    this.reportArriving(false);
  }

  close(): void {
    this.end();
    this.inverses.clear();
  }

  /** Whether this tab has captured ops that the host has not placed. */
  get hasUnsent(): boolean {
    return [...this.inverses.keys()].some(({undo}) => undo?.kind === 'capture');
  }

  /** Handles an op of this tab that the host has placed in its history. */
  onSequenced(op: PendingOp): void {
    this.mergeComposed([op, ...this.doc.unsent]);
    // If an earlier host had placed the op, it was reported then.
    if (!this.inverses.has(op)) return;
    let inverse = this.inverses.get(op);
    this.inverses.delete(op);
    if (this.composed.has(op)) inverse = this.inverseOfComposed(op.op, inverse);
    if (!this.doc.type) return;
    this.events.onOp({
      type: this.doc.type as Type, op: copied(op.op), mark: op.undo, inverse, sentIn: op, isRefused: undefined, dataAfter: this.dataAfter
    });
  }

  private endBatch(source: unknown): void {
    if (source === false) this.isInParts = false;
    this.reportArriving(source === false);
  }

  /** @param isWhole whether the document shows all of the op, and nothing that was made since */
  private reportArriving(isWhole: boolean): void {
    const {arriving} = this;
    this.arriving = undefined;
    if (arriving) this.events.onOp({...arriving, ...(isWhole && {dataAfter: this.dataAfter})});
  }

  private readonly dataAfter = (): unknown => this.dataOf(this.doc.data);

  private onOp(source: unknown): void {
    const {doc, inverse} = this;
    this.shown = doc.data;
    if (source === false) return;
    this.flush();
    const op = doc.unsent.at(-1)!;
    const before = this.inverses.get(op);
    // The op may have been composed into an earlier one.
    this.inverses.set(op, this.inverses.has(op) ? this.compose(op, inverse, before) : inverse);
    if (this.events.isOwn(source)) this.events.onOwnOp({type: doc.type as Type, op: undefined, inverse, sentIn: op, isRefused: undefined}, source);
  }

  /** Records that an op was composed. @returns the op that undoes the later part, and then the earlier one */
  private compose(op: PendingOp, later: unknown, earlier: unknown): unknown {
    this.composed.add(op);
    return later === undefined || earlier === undefined ? undefined : (this.doc.type as Type).compose!(later, earlier);
  }

  /**
   * The inverse of a composed op, as other tabs compute it. The composed inverses may be another op with the same result: they may restore
   * removed text on both sides of an insertion, while the inverse of the composed op restores it in one piece. All tabs need the same op,
   * because it is transformed over the ops of others.
   * @param inverse the composed inverses
   */
  private inverseOfComposed(op: unknown, inverse: unknown): unknown {
    if (inverse === undefined) return undefined;
    const type = this.doc.type as Type;
    try {
      return inverseOf(type, op, type.apply(this.dataAfter(), copied(inverse)));
    } catch {
      return inverse;
    }
  }

  /** Composes the inverses of ops that ShareDB has composed after another op was applied. @param ops the ops left */
  private mergeComposed(ops: readonly PendingOp[]): void {
    const unsent = new Set(ops);
    let last: PendingOp | undefined;
    for (const [op, inverse] of this.inverses) {
      if (unsent.has(op)) last = op;
      else {
        this.inverses.delete(op);
        if (last) this.inverses.set(last, this.compose(last, inverse, this.inverses.get(last)));
      }
    }
  }

  /** Handles the next entry of the history, or the rollback of this tab's refused op. @param shownOp the op that is about to be applied */
  private beforeForeign(shownOp: unknown): void {
    const {doc} = this;
    const {entry} = doc.connection;
    const type = doc.type as Type;
    this.isInParts = Array.isArray(shownOp) && shownOp.length > 1 && type.name === 'json0';
    this.mergeComposed(doc.unsent);
    this.confirm();
    const mark = entry && isUndoMark(entry.undo) ? entry.undo : undefined;
    const {src, seq} = entry ?? {};
    const done = {type, mark, sentIn: mark && {src, seq}, isRefused: takenBackBy(entry?.takesBack)};
    if (!this.inverses.size) {
      if (entry) this.arriving = {...done, op: copied(shownOp), inverse: mark || this.events.needsInverses() ? invert(doc, shownOp) : undefined};
      return;
    }
    const {inflightOp} = doc;
    try {
      const data = this.dataOf(doc.data);
      if (!entry) this.inverses.delete(inflightOp!);
      const inverse = this.rewrite(type, data, entry?.op, doc.unsent.filter(op => entry || op !== inflightOp));
      if (entry) this.arriving = {...done, op: copied(entry.op), inverse};
    } catch {
      this.lose();
    }
  }

  /**
   * Computes the inverses of the unsent ops again, because an op is placed before them.
   * @param data the data without the unsent ops; may be changed
   * @param op the op; undefined if the first unsent op is taken back instead
   * @param unsent the unsent ops after that
   * @returns the inverse of the op
   * @throws if an inverse can't be computed
   */
  private rewrite(type: Type, data: unknown, op: unknown, unsent: readonly PendingOp[]): unknown {
    const inverse = op === undefined ? undefined : inverseOf(type, op, data);
    if (op !== undefined) data = type.apply(data, copied(op));
    for (const next of unsent) {
      if (!this.inverses.has(next)) throw new Error('An op that was made before this watcher began');
      this.inverses.set(next, inverseOf(type, next.op, data));
      data = type.apply(data, copied(next.op));
    }
    return inverse;
  }

  /** A copy of the document's data without the ops that the host has not placed. @throws if an inverse is unknown */
  dataOf(shown: unknown): unknown {
    const type = this.doc.type as Type;
    const undone = [...this.inverses.values()].reverse();
    return undone.reduce<unknown>((data, inverse) => type.apply(data, copied(inverse)), new DataCopies(type, serialized(type, shown)).make());
  }

  private onLoad(): void {
    const {doc, shown} = this;
    this.arriving = undefined;
    this.shown = doc.data;
    if (equal(shown, doc.data)) return;
    if (doc.hasUnsent) return this.lose();
    let before = shown;
    try {
      before = this.dataOf(shown);
    } catch {
      // The inverse of an unsent op is unknown.
    }
    this.inverses.clear();
    if (!equal(before, doc.data)) this.events.onLoad(before);
  }

  private lose(): void {
    for (const op of this.inverses.keys()) this.inverses.set(op, undefined);
    this.events.onLost();
  }

  private confirm(): void {
    if (this.doc.isAcknowledged) this.events.onConfirmed();
  }
}
