/** The list of documents: a json0 document, and the ops that change it. */
import type {Doc, Op} from 'sharedb/lib/client/index.js';
import {findReplacement} from './replacement.js';

export interface Entry {
  id: string;
  title: string;
}

export class DocumentList {
  readonly doc: Doc<{documents: Entry[]}>;

  constructor(doc: Doc<{documents: Entry[]}>) {
    this.doc = doc;
  }

  get loaded(): boolean {
    return Boolean(this.doc.type);
  }

  get entries(): readonly Entry[] {
    return this.doc.data?.documents ?? [];
  }

  indexOf(id: string): number {
    return this.entries.findIndex((entry) => entry.id === id);
  }

  find(id: string): Entry | undefined {
    return this.entries[this.indexOf(id)];
  }

  add(entry: Entry, index = this.entries.length): void {
    this.#submit([{p: ['documents', Math.min(index, this.entries.length)], li: entry}]);
  }

  remove(id: string): void {
    const index = this.indexOf(id);
    if (index >= 0) this.#submit([{p: ['documents', index], ld: this.entries[index]}]);
  }

  move(id: string, by: 1 | -1): void {
    const from = this.indexOf(id);
    const to = from + by;
    if (from >= 0 && this.entries[to]) this.#submit([{p: ['documents', from], lm: to}]);
  }

  /** Sends only the difference, so that two tabs can edit one title at once. */
  rename(id: string, title: string): void {
    const index = this.indexOf(id);
    const entry = this.entries[index];
    if (!entry) return;
    const {at, removed, inserted} = findReplacement(entry.title, title);
    const path = ['documents', index, 'title', at];
    const ops: Op[] = [];
    if (removed) ops.push({p: path, sd: removed});
    if (inserted) ops.push({p: path, si: inserted});
    if (ops.length) this.#submit(ops);
  }

  /** Calls the listener after every change by anybody. Returns a function that stops it. */
  onChange(listener: () => void): () => void {
    const events = ['load', 'create', 'op batch', 'del'] as const;
    for (const event of events) this.doc.on(event, listener);
    return () => {
      for (const event of events) this.doc.off(event, listener);
    };
  }

  #submit(ops: Op[]): void {
    if (this.loaded) this.doc.submitOp(ops);
  }
}
