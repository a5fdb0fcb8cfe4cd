import {isDeepStrictEqual} from 'node:util';
import type {ProxyDoc} from '../../lib/index.js';
import type {Page} from './page.js';
import type {World} from './world.js';

export const LOCAL_COLLECTION = 'local:notes';
const ID = 'one';

interface Note {
  word: string;
  writer: string;
  callbacks: (Error | null | undefined)[];
}

/** The edits that pages make to a local document. The server must not get them. */
export class LocalNotes {
  private readonly notes: Note[] = [];
  /** The pages that have the document. */
  private readonly ready = new WeakSet<Page>();

  constructor(private readonly world: World) {}

  private doc({connection}: Page): ProxyDoc {
    return connection.get(LOCAL_COLLECTION, ID);
  }

  open(page: Page): void {
    const doc = this.doc(page);
    const {ledger} = this.world;
    doc.on('error', (error: Error & {code?: string}) => {
      if (error.code !== 'ERR_DOC_ALREADY_CREATED') ledger.problem(`${page.name}, notes: ${error.stack}`);
    });
    doc.subscribe(error => {
      if (isFarewell(error)) return;
      if (error) return ledger.problem(`${page.name}, notes: ${String(error)}`);
      if (doc.type) return void this.ready.add(page);
      // If several pages create it at once, one creation is accepted.
      doc.create({}, 'json0', () => { this.ready.add(page); });
    });
  }

  write(page: Page): void {
    const doc = this.doc(page);
    if (!this.ready.has(page) || !doc.type) return;
    const note: Note = {word: `note ${this.notes.length}`, writer: page.name, callbacks: []};
    this.notes.push(note);
    doc.submitOp([{p: [note.word], oi: page.name}], {source: page.name}, error => note.callbacks.push(error));
  }

  /** Each acknowledged note is in all tabs, and the server has received none. */
  async judge(): Promise<void> {
    const {ledger, pages, server} = this.world;
    const [first, ...others] = pages.map(page => this.doc(page).data as Record<string, string> | undefined);
    for (const other of others) if (!isDeepStrictEqual(first, other)) ledger.problem(`pages have other notes: ${JSON.stringify([first, other])}`);
    for (const {word, writer, callbacks} of this.notes) {
      const [error] = callbacks;
      // The error of a closed connection does not show what the host has answered.
      if (ledger.gone.has(writer) && isFarewell(error)) continue;
      if (error) ledger.problem(`${word} of ${writer} was called back with ${String(error)}`);
      if (callbacks.length !== 1 && !ledger.gone.has(writer)) ledger.problem(`${word} of ${writer} was called back ${callbacks.length} times`);
      if (callbacks.length && first?.[word] !== writer) ledger.problem(`${word} of ${writer} was acknowledged, and is not there`);
    }
    const known = await server.ops(LOCAL_COLLECTION, ID);
    if (known.length) ledger.problem(`the server knows of notes: ${JSON.stringify(known)}`);
  }
}

export const isFarewell = (error: unknown): boolean => (error as {code?: unknown} | null | undefined)?.code === 'ERR_TABS_CLOSED';
