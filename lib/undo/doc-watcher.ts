import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {DataCopies, copied, inverseOf, serialized} from '../ot/invert.js';
import type {OpId} from './change-log.js';
import type {DoneOp, UndoableDoc, Watcher, WatcherEvents} from './types.js';

/** Watches a document as this tab shows it: this tab's ops when they are made, and others' ops when they are applied here. */
export class DocWatcher implements Watcher {
  private readonly end: () => void;
  /** The inverse of the op that is about to be applied. */
  private inverse: unknown;
  /** An op of another client. ShareDB reports each component of a json0 op separately. */
  private foreign: DoneOp | undefined;
  /** The data that the document showed last. json0 changes them in place, until a load replaces them. */
  private shown: unknown;

  constructor(private readonly doc: UndoableDoc, private readonly events: WatcherEvents) {
    this.shown = doc.data;
    this.end = listen(doc, {
      'before op': (op, source, src) => {
        const isNeeded = this.isOwn(source, src) || events.needsInverses() || !!this.sentElsewhere();
        this.inverse = isNeeded ? invert(doc, op) : undefined;
      },
      'op': (op, source, src) => this.onOp(op, source, src),
      'op batch': () => this.flush(true),
      'load': () => this.onLoad(),
      'del': () => events.onLost(),
      'no write pending': () => this.confirm()
    });
  }

  /** @param isWhole whether the document shows all of the op */
  flush(isWhole = false): void {
    const {foreign, doc} = this;
    this.foreign = undefined;
    if (foreign) this.events.onOp({...foreign, ...(isWhole && {dataAfter: () => this.dataOf(doc.data)})});
  }

  close(): void {
    this.end();
    this.foreign = undefined;
  }

  dataOf(shown: unknown): unknown {
    const type = this.doc.type as Type;
    return new DataCopies(type, serialized(type, shown)).make();
  }

  /** Whether an op is captured or made by the manager. Received ops and rollbacks have the source `false`; received ops have a `src`. */
  private isOwn(source: unknown, src: unknown): boolean {
    return source !== false && isNobody(src) && this.events.isOwn(source);
  }

  private onOp(op: unknown, source: unknown, src: unknown): void {
    const {doc, inverse} = this;
    const type = doc.type as Type;
    this.shown = doc.data;
    this.inverse = undefined;
    const sentIn = source === false ? this.sentElsewhere() : doc.pendingOps?.at(-1);
    if (source === false) this.confirm();
    if (this.isOwn(source, src)) {
      this.flush();
      return this.events.onOwnOp({type, op: copied(op), inverse, sentIn, isRefused: undefined}, source);
    }
    if (this.foreign && Array.isArray(op)) return this.addTo(this.foreign, op, inverse);
    this.flush();
    this.foreign = {type, op, inverse, sentIn, isRefused: source === false ? this.refusedBy(src) : undefined};
  }

  /** The identity of an op of another tab that is being applied, if the server may still refuse it. */
  private sentElsewhere(): OpId | undefined {
    const {connection: {entry}, isAcknowledged} = this.doc;
    return entry?.seq !== undefined && isAcknowledged === false ? {src: entry.src, seq: entry.seq} : undefined;
  }

  private confirm(): void {
    // In ShareDB's own client, an op is in flight until the server has answered it.
    const {isAcknowledged, inflightOp, pendingOps} = this.doc;
    if (isAcknowledged ?? (!inflightOp && !pendingOps?.length)) this.events.onConfirmed();
  }

  /** A test for the ops that the applied op takes back; undefined if it takes none back. @param src the `src` of the applied op */
  private refusedBy(src: unknown): DoneOp['isRefused'] {
    const {connection: {entry, id}, inflightOp} = this.doc;
    if (entry) return takenBackBy(entry.takesBack);
    // ShareDB takes back the op in flight, and reports that op's `src`.
    return inflightOp && (isNobody(src) || src === id) ? sent => sent === inflightOp : undefined;
  }

  /** Adds a further component of a json0 op. */
  private addTo(foreign: DoneOp, op: readonly unknown[], inverse: unknown): void {
    foreign.op = [...(foreign.op as unknown[]), ...op];
    // The later component is undone first.
    foreign.inverse = foreign.inverse && inverse ? [...(inverse as unknown[]), ...(foreign.inverse as unknown[])] : undefined;
  }

  /** Reports a load, unless the document has shown this state before. A new host may load the same state, for example. */
  private onLoad(): void {
    const before = this.shown;
    this.foreign = undefined;
    this.shown = this.doc.data;
    if (!equal(before, this.doc.data)) this.events.onLoad(before);
  }
}

/** A test for ops that are taken back; undefined if there are none. @param ops the ops, each by its tab and number */
export function takenBackBy(ops: readonly (readonly [src: string, seq: number])[] | undefined): DoneOp['isRefused'] {
  return ops?.length ? ({src, seq}) => ops.some(([tab, number]) => tab === src && number === seq) : undefined;
}

const isNobody = (src: unknown): boolean => src === undefined || src === null;

/** The inverse of an op that is about to be applied; undefined if the type can't invert it, or the op does not apply. */
export function invert({type, data}: Pick<UndoableDoc, 'type' | 'data'>, op: unknown): unknown {
  if (!type) return undefined;
  try {
    return inverseOf(type as Type, op, data);
  } catch {
    // ShareDB reports the error.
    return undefined;
  }
}

/** Adds listeners before all others, because an app may undo in its listeners. @returns a function that removes them */
export function listen(doc: UndoableDoc, listeners: Record<string, (...args: any[]) => void>): () => void {
  for (const [event, listener] of Object.entries(listeners)) doc.prependListener(event, listener);
  return () => { for (const [event, listener] of Object.entries(listeners)) doc.off(event, listener); };
}
