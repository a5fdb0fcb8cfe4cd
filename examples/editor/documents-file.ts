/** Keeps the documents of the example's server from one start to the next. */
import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';

/** The two maps in which ShareDB's MemoryDB keeps everything. */
export interface MemoryTables {
  docs: Record<string, unknown>;
  ops: Record<string, unknown>;
}

/** Stores a MemoryDB in a JSON file. Browsers have stored documents with their versions, so a server must not start empty again. */
export class DocumentsFile {
  readonly #path: string;
  readonly #tables: MemoryTables;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, tables: MemoryTables) {
    this.#path = path;
    this.#tables = tables;
  }

  load(): void {
    let text;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    const saved = JSON.parse(text) as MemoryTables;
    Object.assign(this.#tables.docs, saved.docs);
    Object.assign(this.#tables.ops, saved.ops);
  }

  saveSoon(): void {
    this.#timer ??= setTimeout(() => this.save(), 200);
  }

  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const {docs, ops} = this.#tables;
    mkdirSync(dirname(this.#path), {recursive: true});
    writeFileSync(`${this.#path}.new`, JSON.stringify({docs, ops}));
    renameSync(`${this.#path}.new`, this.#path);
  }
}
