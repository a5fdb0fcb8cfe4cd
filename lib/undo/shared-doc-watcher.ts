import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, inverseOf, serialized} from '../ot/invert.js';
import {isCount, isObject} from '../protocol/checks.js';
import type {UndoMark} from '../protocol/undo.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {PendingOp} from '../tab/upstream.js';
import {invert, listen, takenBackBy} from './doc-watcher.js';
import type {DoneOp, Watcher, WatcherEvents} from './types.js';

/** The mark of another tab, whose build may be another one. */
export function isUndoMark(value: unknown): value is UndoMark {
  return isObject(value) && ['capture', 'undo', 'redo'].includes(value['kind'] as string) && typeof value['step'] === 'string' && isCount(value['ops']);
}

/**
 * Watches a document in the order of the host's history. All tabs get the same ops on the same data, so that each computes the
 * same stack. An op of this tab that the host lacks comes after all ops that others have made by then. It is kept with its inverse until
 * the host has placed it.
 */
export class SharedDocWatcher implements Watcher {
  private readonly end: () => void;
  /** The inverses of this tab's ops that the host lacks, in order; undefined if an inverse is not known. */
  private readonly inverses = new Map<PendingOp, unknown>();
  /** Those of them whose inverses were composed, too. */
  private readonly composed = new WeakSet<PendingOp>();
  private inverse: unknown;
  /** An op is being applied part by part: what is made on a part of it can't be undone. */
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
    this.tellArriving(false);
  }

  close(): void {
    this.end();
    this.inverses.clear();
  }

  /** Whether the host has not got all that this tab has captured. */
  get hasUnsent(): boolean {
    return [...this.inverses.keys()].some(({undo}) => undo?.kind === 'capture');
  }

  /** The host has given an op of this tab its place. */
  onSequenced(op: PendingOp): void {
    this.mergeComposed([op, ...this.doc.unsent]);
    // It may have had its place with a host that is lost, and have been told of then.
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
    this.tellArriving(source === false);
  }

  /** @param isWhole the document shows all of the op, and nothing that was made since */
  private tellArriving(isWhole: boolean): void {
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
    // It may have been composed into one that is there.
    this.inverses.set(op, this.inverses.has(op) ? this.compose(op, inverse, before) : inverse);
    if (this.events.isOwn(source)) this.events.onOwnOp({type: doc.type as Type, op: undefined, inverse, sentIn: op, isRefused: undefined}, source);
  }

  /** @returns what undoes the later part of an op, and then the earlier one */
  private compose(op: PendingOp, later: unknown, earlier: unknown): unknown {
    this.composed.add(op);
    return later === undefined || earlier === undefined ? undefined : (this.doc.type as Type).compose!(later, earlier);
  }

  /**
   * Other tabs invert the composed op as a whole. The composed inverses may be another op with the same result: they put removed text
   * back on both sides of an insertion, and the inverse of the whole puts it back in one piece. All tabs need the same op, since it is
   * carried over what others do.
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

  /** Ops that are made while another one is applied are composed when that is done. @param ops that are left */
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

  /** The host's history goes on, or an op of this tab that the host would not take is taken back. @param shownOp as it is applied here */
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
   * Works out what undoes each unsent op now that an op comes before them.
   * @param data without the unsent ops
   * @param op undefined where it is the first unsent op that is taken back
   * @param unsent as they are after it
   * @returns the inverse of the op
   * @throws where it can't be known
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

  /** Data of the document without what the host has not got. @throws where it can't be known */
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
      // The ops that this tab had not sent were made on other data.
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
