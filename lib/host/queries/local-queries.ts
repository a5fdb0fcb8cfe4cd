import {TabsError} from '../../protocol/errors.js';
import type {HostLog} from '../host-log.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import {warning} from '../../protocol/warnings.js';
import {unknownOption} from '../../platform/option-checks.js';
import {isThenable} from '../../platform/thenable.js';
import type {RealDoc} from '../upstream.js';

/** A document for a query. Its data must not be changed. */
export interface QueriedDoc {
  /** The document's id in its collection. */
  readonly id: string;
  /** The document's data, with the edits of all tabs. */
  readonly data: any;
}

/** The app's functions that compute a query's results from the host's documents while the server is unreachable. */
export interface OfflineQueries {
  /**
   * Returns whether a document matches the query.
   * @returns undefined if the query can't be answered without the server. The server's last results are used then, if there are any.
   */
  matches(collection: string, query: any, data: any, id: string): boolean | undefined;
  /** Compares two results for their order, as a function for `Array.prototype.sort`. Default: by id. */
  compare?(collection: string, query: any, one: QueriedDoc, other: QueriedDoc): number;
  /**
   * Selects some of the sorted results, and computes the query's `extra`. Default: all results, no `extra`.
   * @returns undefined if the query can't be answered without the server. `matches` may not have been called, if there are no documents.
   */
  select?(collection: string, query: any, results: readonly QueriedDoc[]): {
    /** The selected results, for example one page of them. Default: all. */
    results?: readonly QueriedDoc[];
    /** The query's `extra`, for example a count. */
    extra?: unknown;
  } | undefined;
}

/**
 * @throws ERR_TABS_BAD_OPTION if `matches` is not a function, `compare` or `select` is neither missing nor a function, or a function has
 *   another name
 */
export function checkOfflineQueries(queries: OfflineQueries): void {
  const {matches, compare, select} = (queries ?? {}) as Partial<OfflineQueries>;
  const others = Object.entries(queries ?? {}).filter(([, value]) => typeof value === 'function').map(([name]) => name);
  const unknown = unknownOption('Option queries', Object.fromEntries(others.map(name => [name, true])), ['matches', 'compare', 'select']);
  if (unknown) throw new TabsError('ERR_TABS_BAD_OPTION', unknown);
  if (typeof matches === 'function' && [compare, select].every(one => one === undefined || typeof one === 'function')) return;
  throw new TabsError('ERR_TABS_BAD_OPTION', 'Option queries takes an object with a function `matches`, and perhaps `compare` and `select`');
}

export interface LocalAnswer {
  ids: string[];
  extra: unknown;
  /** All documents that match. `ids` may contain only some of them. */
  matches: readonly QueriedDoc[];
}

export interface LocalQueriesOwner {
  readonly log: Pick<HostLog, 'warn' | 'debug'>;
  /** Returns the ids of all stored documents of a collection. */
  storedIds(collection: string): string[];
  /** Returns the document. Opens it if necessary. */
  open(collection: string, id: string): SharedDoc;
  /** Returns the open documents of a collection. */
  openDocs(collection: string): SharedDoc[];
}

/**
 * Computes the results of queries while the server is unreachable. Stored documents that no tab has open are read once, and their data
 * is kept until the connection is restored. Otherwise each change of a document would read its whole collection.
 */
export class LocalQueries {
  /** The data of stored documents by collection and id; undefined if a document does not exist. */
  private readonly collections = new Map<string, Map<string, unknown>>();
  private readonly reading = new Map<string, (() => void)[]>();
  /** The collections that were being read when the connection was restored. They are read again. */
  private readonly outdated = new Set<string>();
  private hasWarned = false;

  constructor(private readonly matcher: OfflineQueries, private readonly owner: LocalQueriesOwner) {}

  /** Calls `callback` when all stored documents of the collection have been read; synchronously if that is already the case. */
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

  /** Updates the data of a document that has changed. The data are used also after the document is released. */
  note(doc: SharedDoc): void {
    this.collections.get(doc.collection)?.set(doc.id, dataOf(doc.doc));
  }

  /** Forgets all data, because the connection is restored. In the next outage, the documents are read again. */
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
   * Computes a query's results.
   * @param stored the data of stored documents by id. Default: those of the collection, which must have been read.
   * @returns undefined if the app's matcher can't answer the query, or throws
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
      if (isThenable(isMatch)) throw new TypeError('matches() must return a boolean, not a promise');
      if (isMatch) found.push({id, data});
    }
    found.sort((one, other) => matcher.compare?.(collection, query, one, other) || (one.id < other.id ? -1 : 1));
    const selected = matcher.select ? matcher.select(collection, query, found) : {};
    if (selected === undefined) return undefined;
    if (Array.isArray(selected) || isThenable(selected)) throw new TypeError('select() must return an object {results, extra}');
    const {results = found, extra} = selected;
    return {ids: results.map(({id}) => id), extra, matches: found};
  }

  private withOpenDocs(collection: string, stored?: ReadonlyMap<string, unknown>): Map<string, unknown> {
    const docs = new Map(stored);
    for (const doc of this.owner.openDocs(collection)) {
      // A document that is being restored has no state yet, but its stored data are in `docs`.
      if (doc.journaled.hasState) docs.set(doc.id, dataOf(doc.doc));
    }
    return docs;
  }
}

/** Functions of an app may be async by mistake. */

/** Returns a document's data for queries; undefined if the document does not exist. */
export function dataOf({type, data}: Pick<RealDoc, 'type' | 'data'>): unknown {
  return type ? data : undefined;
}
