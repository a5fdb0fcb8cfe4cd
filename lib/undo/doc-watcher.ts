import equal from 'fast-deep-equal';
import type {Type} from 'sharedb/lib/sharedb.js';
import {inverseOf} from '../ot/invert.js';
import type {DoneOp, UndoableDoc, Watcher, WatcherEvents} from './types.js';

/** Watches a document as this tab shows it: this tab's ops as they are made, those of others as they are applied here. */
export class DocWatcher implements Watcher {
  private readonly end: () => void;
  /** The inverse of the op that is about to be applied. */
  private inverse: unknown;
  /** An op of somebody else, of which json0 tells each component by itself. */
  private foreign: DoneOp | undefined;
  /** What the document showed last. json0 changes it in place, until something is loaded in its place. */
  private shown: unknown;

  constructor(private readonly doc: UndoableDoc, private readonly events: WatcherEvents<DoneOp>) {
    this.shown = doc.data;
    this.end = listen(doc, {
      'before op': (op, source, src) => { this.inverse = this.isOwn(source, src) || this.isRollback(source, src) ? invert(doc, op) : undefined; },
      'op': (op, source, src) => this.onOp(op, source, src),
      'op batch': () => this.flush(),
      'load': () => this.onLoad(),
      'del': () => events.onLost(),
      'no write pending': () => events.onConfirmed()
    });
  }

  flush(): void {
    const {foreign} = this;
    this.foreign = undefined;
    if (foreign) this.events.onOp(foreign);
  }

  close(): void {
    this.end();
    this.foreign = undefined;
  }

  /** Ops of others have the id of the client that made them; an op that takes back a refused one is from nobody. */
  private isOwn(source: unknown, src: unknown): boolean {
    return source !== false && isNobody(src) && this.events.isOwn(source);
  }

  private onOp(op: unknown, source: unknown, src: unknown): void {
    const {doc, inverse} = this;
    const type = doc.type as Type;
    this.shown = doc.data;
    this.inverse = undefined;
    if (this.isOwn(source, src)) {
      this.flush();
      return this.events.onOwnOp(type, inverse, source);
    }
    if (this.foreign && Array.isArray(op)) return this.addTo(this.foreign, op, inverse);
    this.flush();
    this.foreign = {type, op, isRollback: this.isRollback(source, src), inverse};
  }

  private isRollback(source: unknown, src: unknown): boolean {
    return source === false && (isNobody(src) || src === this.doc.connection.id);
  }

  /** Adds a further component of a json0 op. */
  private addTo(foreign: DoneOp, op: readonly unknown[], inverse: unknown): void {
    foreign.op = [...(foreign.op as unknown[]), ...op];
    // The later component is undone first.
    foreign.inverse = foreign.inverse && inverse ? [...(inverse as unknown[]), ...(foreign.inverse as unknown[])] : undefined;
  }

  /** Another host may load what the document shows already, for instance after the death of the last one. */
  private onLoad(): void {
    const before = this.shown;
    this.foreign = undefined;
    this.shown = this.doc.data;
    if (!equal(before, this.doc.data)) this.events.onLoad(before);
  }
}

const isNobody = (src: unknown): boolean => src === undefined || src === null;

/** What undoes an op that is about to be applied; undefined where the type can't tell, or the op does not apply. */
export function invert({type, data}: Pick<UndoableDoc, 'type' | 'data'>, op: unknown): unknown {
  if (!type) return undefined;
  try {
    return inverseOf(type as Type, op, data);
  } catch {
    // ShareDB tells of it.
    return undefined;
  }
}

/** Listens before others do: they may undo in their listeners. @returns ends it */
export function listen(doc: UndoableDoc, listeners: Record<string, (...args: any[]) => void>): () => void {
  for (const [event, listener] of Object.entries(listeners)) doc.prependListener(event, listener);
  return () => { for (const [event, listener] of Object.entries(listeners)) doc.off(event, listener); };
}
