import {warning} from '../../protocol/warnings.js';
import type {RealDoc} from '../upstream.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import {dataOf, type LocalAnswer, type LocalQueriesOwner, type QueriedDoc} from './local-queries.js';

/** The largest number of documents that the host reads from the store, and that it requests, after one answer of the server. */
const MAX_DOCS = 300;

/** A query with the server's answer. */
export interface AnsweredQuery {
  readonly collection: string;
  readonly query: unknown;
  /** The server's results. */
  readonly results: readonly RealDoc[];
  /** The documents that matched here before the answer, if that is known. */
  readonly matches: readonly QueriedDoc[] | undefined;
  /** The ids of earlier results, which are read from the store. They are not needed if `matches` is known. */
  readonly earlier: readonly string[];
}

export interface ResultsCheckOwner extends Pick<LocalQueriesOwner, 'log' | 'open'> {
  /** The ids of a collection's documents with ops that the server has not acknowledged. */
  unsavedIds(collection: string): ReadonlySet<string>;
  /** Computes the results from these documents and those that are open. */
  answer(collection: string, query: unknown, stored: ReadonlyMap<string, unknown>): LocalAnswer | undefined;
}

/**
 * Compares the results that the host would compute without the server with the server's answer. Other clients may have changed or deleted
 * a document while this browser was offline. If the document left the results because of that, the answer does not contain it, and the host
 * would show its stored copy again in the next outage. So the host fetches it. A document beyond a query's limit is fetched only if the
 * host would show it.
 */
export class ResultsCheck {
  /** The ids of the server's results. */
  private readonly answered: ReadonlySet<string>;
  /** The data of the documents that could be results without the server. */
  private readonly docs: Map<string, unknown>;
  /** The ids of documents that were fetched, or whose ops the server has acknowledged since. */
  private readonly updated = new Set<string>();
  private requests = 0;
  private isCancelled = false;

  constructor(private readonly query: AnsweredQuery, private readonly owner: ResultsCheckOwner) {
    const results = query.results.filter(({collection}) => collection === query.collection);
    this.answered = new Set(results.map(({id}) => id));
    this.docs = new Map(query.matches?.map(({id, data}) => [id, data]));
    for (const doc of results) this.docs.set(doc.id, dataOf(doc));
  }

  start(): this {
    const {matches, earlier} = this.query;
    if (matches) {
      if (matches.some(({id}) => !this.answered.has(id))) this.compare();
    } else {
      const left = this.limit(earlier.filter(id => !this.answered.has(id)), MAX_DOCS).ids;
      if (left.length) this.forEach(left, (_shared, done) => done(), () => this.compare());
    }
    return this;
  }

  /** Stops the check, because another answer has arrived or the query has ended. */
  cancel(): void {
    this.isCancelled = true;
  }

  /** Fetches the documents that would be shown wrongly, and compares again: if the query has a limit, others may have become results. */
  private compare(): void {
    const {query: {collection, query}, owner: {log}, updated, answered} = this;
    const wrong = this.owner.answer(collection, query, this.docs)?.ids.filter(id => !answered.has(id) && !updated.has(id));
    if (!wrong?.length) return;
    const {ids, requests} = this.limit(wrong, MAX_DOCS - this.requests);
    if (!ids.length) return;
    log.debug('server', () => `fetches ${requests} documents of ${collection} that are not in the answer to a query: ${ids.join()}`);
    this.requests += requests;
    for (const id of ids) updated.add(id);
    this.forEach(ids, fetchOrSave, () => this.compare());
  }

  /** Limits the documents to request. Documents with unsaved ops are not counted, because they are open and are not requested. */
  private limit(ids: readonly string[], max: number): {ids: readonly string[]; requests: number} {
    const {query: {collection}, owner: {log}} = this;
    const unsaved = this.owner.unsavedIds(collection);
    const toRequest = ids.filter(id => !unsaved.has(id));
    if (toRequest.length > max) {
      log.warn(warning('WARN_TABS_QUERIES', `more than ${MAX_DOCS} documents have left the results of a query: the others may be shown without a server`), collection);
    }
    const requested = toRequest.slice(0, max);
    return {ids: [...ids.filter(id => unsaved.has(id)), ...requested], requests: requested.length};
  }

  /** Opens the documents, and calls `act` for each when all of them are settled. @param act calls `done` when it is finished */
  private forEach(ids: readonly string[], act: (shared: SharedDoc, done: () => void) => void, callback: () => void): void {
    const opened = ids.map(id => this.owner.open(this.query.collection, id));
    for (const shared of opened) shared.retain();
    let unsettled = opened.length;
    for (const shared of opened) shared.whenSettled(() => { if (!--unsettled) this.actOn(opened, act, callback); });
  }

  private actOn(opened: readonly SharedDoc[], act: (shared: SharedDoc, done: () => void) => void, callback: () => void): void {
    const {connection} = opened[0]!.doc;
    let left = opened.length;
    const done = (shared: SharedDoc): void => {
      this.docs.set(shared.id, dataOf(shared.doc));
      shared.release();
      if (!--left && !this.isCancelled) callback();
    };
    // After a lost connection, the server answers the query again, and another check follows.
    if (this.isCancelled || connection.state !== 'connected') {
      for (const shared of opened) shared.release();
      return;
    }
    connection.startBulk();
    for (const shared of opened) act(shared, () => done(shared));
    connection.endBulk();
  }
}

/** Brings a document up to date. If it has unacknowledged ops, their acknowledgement follows the ops of others, so no fetch is necessary. */
function fetchOrSave(shared: SharedDoc, done: () => void): void {
  if (shared.doc.hasWritePending()) shared.whenSaved(done);
  else shared.doc.fetch(() => done());
}
