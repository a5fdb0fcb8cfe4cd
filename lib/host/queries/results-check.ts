import {warning} from '../../protocol/warnings.js';
import type {RealDoc} from '../upstream.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import {dataOf, type LocalAnswer, type LocalQueriesOwner, type QueriedDoc} from './local-queries.js';

/** The number of documents that one answer of the server makes the host read from the store, and the number that it requests. */
const MAX_DOCS = 300;

/** A query that the server has answered. */
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
  /** The results without a server, computed from these documents and those that are open. */
  answer(collection: string, query: unknown, stored: ReadonlyMap<string, unknown>): LocalAnswer | undefined;
}

/**
 * Compares what the host would show without a server with the server's answer. Others may have changed or deleted a document while this
 * browser was away. If the document left the results because of that, the answer does not contain it, and its stored copy would be
 * shown again in the next outage. So the host fetches it. A document beyond a query's limit is not fetched, unless it would be shown.
 */
export class ResultsCheck {
  /** The ids of the server's results. */
  private readonly answered: ReadonlySet<string>;
  /** The data of documents that may be shown without a server. */
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

  /** There is another answer, or none is wanted any more. */
  cancel(): void {
    this.isCancelled = true;
  }

  /** A document that is fetched may make room for another one, if the query has a limit. */
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

  /** Documents with unsaved ops are open, and not requested: so they do not count. This browser may have created them without the server. */
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

  /** Opens the documents, and acts on them when all of them can be read. @param act calls back when it is done with the document */
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
    // Without the server, there will be another answer.
    if (this.isCancelled || connection.state !== 'connected') {
      for (const shared of opened) shared.release();
      return;
    }
    connection.startBulk();
    for (const shared of opened) act(shared, () => done(shared));
    connection.endBulk();
  }
}

/** The acknowledgement of a document's own ops comes with the ops of others. */
function fetchOrSave(shared: SharedDoc, done: () => void): void {
  if (shared.doc.hasWritePending()) shared.whenSaved(done);
  else shared.doc.fetch(() => done());
}
