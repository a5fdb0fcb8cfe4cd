import {TabsError} from '../../protocol/errors.js';
import type {HostLog} from '../host-log.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import {warning} from '../../protocol/warnings.js';
import type {RealDoc} from '../upstream.js';

/** A document, as queries see it. Its data is not to be changed. */
export interface QueriedDoc {
  /** The document's id in its collection. */
  readonly id: string;
  /** The document's data, with the edits of all tabs. */
  readonly data: any;
}

/** Computes a query's results without a server, from the documents that the host has. The app knows its queries. */
export interface OfflineQueries {
  /**
   * Whether a document is among the results.
   * @returns undefined for a query that can't be answered here: the last results of the server are given then, if there are any
   */
  matches(collection: string, query: any, data: any, id: string): boolean | undefined;
  /** The order of two results, as `Array.sort` takes it. Default: by id. */
  compare?(collection: string, query: any, one: QueriedDoc, other: QueriedDoc): number;
  /** Which of the results in their order are given, and what is given as the query's `extra`. Default: all, and nothing. */
  select?(collection: string, query: any, results: readonly QueriedDoc[]): {
    /** The results to give, for example one page of them. Default: all. */
    results?: readonly QueriedDoc[];
    /** What the query gives as `extra`, for example a count. */
    extra?: unknown;
  };
}

/** @throws ERR_TABS_BAD_OPTION */
export function checkOfflineQueries(queries: OfflineQueries): void {
  const {matches, compare, select} = queries as Partial<OfflineQueries>;
  if (typeof matches === 'function' && [compare, select].every(one => one === undefined || typeof one === 'function')) return;
  throw new TabsError('ERR_TABS_BAD_OPTION', 'Option queries takes an object with a function `matches`, and perhaps `compare` and `select`');
}

export interface LocalAnswer {
  ids: string[];
  extra: unknown;
  /** All documents that match. `ids` may be a part of them. */
  matches: readonly QueriedDoc[];
}

export interface LocalQueriesOwner {
  readonly log: Pick<HostLog, 'warn' | 'debug'>;
  /** The ids of all documents of a collection that are stored. */
  storedIds(collection: string): string[];
  /** The document, opened if it is not. */
  open(collection: string, id: string): SharedDoc;
  /** The open documents of a collection. */
  openDocs(collection: string): SharedDoc[];
}

/**
 * Works out the results of queries without a server. Stored documents that nobody has open are read once, and their data is kept
 * until the server is back: each change of a document would read all of its collection otherwise.
 */
export class LocalQueries {
  /** By collection and id: the data of stored documents, undefined where there is none. */
  private readonly collections = new Map<string, Map<string, unknown>>();
  private readonly reading = new Map<string, (() => void)[]>();
  /** Collections that were being read when the server came back. They are read again. */
  private readonly outdated = new Set<string>();
  private hasWarned = false;

  constructor(private readonly matcher: OfflineQueries, private readonly owner: LocalQueriesOwner) {}

  /** Calls back when all that is stored of the collection has been read: at once where it has. */
  whenRead(collection: string, callback: () => void): void {
    const waiting = this.reading.get(collection);
    if (waiting) return void waiting.push(callback);
    if (this.collections.has(collection)) return callback();
    const known = new Map<string, unknown>();
    this.collections.set(collection, known);
    const ids = this.owner.storedIds(collection);
    if (!ids.length) return callback();
    const callbacks = [callback];
    this.reading.set(collection, callbacks);
    let left = ids.length;
    for (const id of ids) {
      const doc = this.owner.open(collection, id);
      doc.retain();
      doc.whenSettled(() => {
        known.set(id, dataOf(doc.doc));
        doc.release();
        if (--left) return;
        this.reading.delete(collection);
        if (!this.outdated.delete(collection)) {
          for (const one of callbacks) one();
          return;
        }
        this.collections.delete(collection);
        for (const one of callbacks) this.whenRead(collection, one);
      });
    }
  }

  /** A document has changed: what is known of it is what it is now, also when it is closed. */
  note(doc: SharedDoc): void {
    this.collections.get(doc.collection)?.set(doc.id, dataOf(doc.doc));
  }

  /** The server is back: it knows better, and the next time all is read anew. */
  forget(): void {
    for (const collection of this.reading.keys()) this.outdated.add(collection);
    for (const collection of this.collections.keys()) if (!this.reading.has(collection)) this.collections.delete(collection);
  }

  /** See {@link LocalQueriesOwner.open}. */
  open(collection: string, id: string): SharedDoc {
    return this.owner.open(collection, id);
  }

  unsavedIds(collection: string): ReadonlySet<string> {
    return new Set(this.owner.openDocs(collection).filter(({doc}) => doc.hasWritePending()).map(({id}) => id));
  }

  get log(): LocalQueriesOwner['log'] {
    return this.owner.log;
  }

  /**
   * @param stored the data of stored documents by id. Default: those of the collection, which has been read
   * @returns undefined if the app's matcher can't tell
   */
  answer(collection: string, query: unknown, stored = this.collections.get(collection) as ReadonlyMap<string, unknown> | undefined): LocalAnswer | undefined {
    try {
      return this.evaluate(collection, query, stored);
    } catch (error) {
      if (!this.hasWarned) this.owner.log.warn(warning('WARN_TABS_QUERIES', 'startHost({queries}) failed with a query: its last results are shown'), error);
      this.hasWarned = true;
      return undefined;
    }
  }

  private evaluate(collection: string, query: unknown, stored?: ReadonlyMap<string, unknown>): LocalAnswer | undefined {
    const {matcher} = this;
    const found: QueriedDoc[] = [];
    for (const [id, data] of this.withOpenDocs(collection, stored)) {
      if (data === undefined) continue;
      const isMatch = matcher.matches(collection, query, data, id);
      if (isMatch === undefined) return undefined;
      if (isMatch) found.push({id, data});
    }
    found.sort((one, other) => matcher.compare?.(collection, query, one, other) || (one.id < other.id ? -1 : 1));
    const {results = found, extra} = matcher.select?.(collection, query, found) ?? {};
    return {ids: results.map(({id}) => id), extra, matches: found};
  }

  private withOpenDocs(collection: string, stored?: ReadonlyMap<string, unknown>): Map<string, unknown> {
    const docs = new Map(stored);
    for (const doc of this.owner.openDocs(collection)) {
      // One that is just being restored has been read.
      if (doc.journaled.hasState) docs.set(doc.id, dataOf(doc.doc));
    }
    return docs;
  }
}

/** What queries see of a document: undefined if it does not exist. */
export function dataOf({type, data}: Pick<RealDoc, 'type' | 'data'>): unknown {
  return type ? data : undefined;
}
