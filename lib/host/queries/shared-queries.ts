import {encodeError} from '../../protocol/errors.js';
import {nextTick} from '../../platform/next-tick.js';
import type {Clock} from '../../platform/platform.js';
import type {QueryReport} from '../../protocol/report.js';
import {item, storedIds, readStoredResults, keyOf, encodeResults, shareUnknown, whenSettled, type QueryRequest, type SharedQueriesOwner} from './query-results.js';
import {settleQueries} from './query-settling.js';
import {ResultsCheck} from './results-check.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import {SharedQuery} from './shared-query.js';
import type {Tab} from '../tab.js';
import type {RealDoc, RealQuery} from '../upstream.js';

/** The queries of all tabs. Equal subscribed queries share one real query. */
export class SharedQueries {
  private readonly queries = new Map<string, SharedQuery>();
  /** The fetches that the server has not answered. */
  private readonly asked = new Set<Asked>();
  /** The ids in the local answers to fetches since the connection was lost, by query. */
  private readonly given = new Map<string, string[]>();
  /** The collections with changes that local results do not contain yet. */
  private readonly changed = new Set<string>();
  /** Whether the first attempt to connect is over. Queries wait for its end, but not for the end of later ones. */
  private hasTried = false;

  constructor(private readonly owner: SharedQueriesOwner) {}

  get size(): number {
    return this.queries.size;
  }

  fetch(tab: Tab, {id, c, q, o}: QueryRequest): void {
    const key = keyOf(c, q, o);
    if (!this.canServerAnswer) return this.answerLocally(tab, {id, c, q}, key, () => this.ask(tab, {id, c, q, o}, key));
    return this.ask(tab, {id, c, q, o}, key);
  }

  private get canServerAnswer(): boolean {
    const {state} = this.owner.connection;
    return state === 'connected' || (state === 'connecting' && !this.hasTried);
  }

  private ask(tab: Tab, {id, c, q, o}: QueryRequest, key: string): void {
    const {connection} = this.owner;
    const asked: Asked = {tab, id, c, q, o, key};
    this.asked.add(asked);
    const reply = tab.inThisSession((error: Error | null, results: RealDoc[], extra: unknown) => {
      if (error) {
        const fail = (): void => tab.send({a: 'qf', id, error: encodeError(error)});
        return this.owner.faults.isTransient(error) ? this.answerFromKept(tab, id, c, key, fail) : fail();
      }
      if (results) {
        this.checkResults(c, q, key, results);
        this.owner.storeResults(key, encodeResults(results, extra));
      }
      return whenSettled(results?.map(doc => this.owner.share(doc)) ?? [], tab.inThisSession(() => {
        const data = results?.map(doc => item(doc, c, this.owner.share(doc).snapshotFor(tab)));
        tab.send({a: 'qf', id, data, extra});
      }));
    });
    asked.real = connection.createFetchQuery(c, q, o ? {...o} : null, (...answer) => {
      if (this.asked.delete(asked)) reply(...answer);
    });
    shareUnknown(asked.real, this.owner);
  }

  /** Answers a fetch without the server: with results of the app's matcher, or with the server's last results. */
  private answerLocally(tab: Tab, {id, c, q}: Pick<Asked, 'id' | 'c' | 'q'>, key: string, otherwise: () => void): void {
    const {local, connection} = this.owner;
    if (!local) return this.answerFromKept(tab, id, c, key, otherwise);
    return local.whenRead(c, tab.inThisSession(() => {
      // The connection was restored meanwhile, so the server answers.
      if (this.owner.isConnected()) return otherwise();
      const answer = local.answer(c, q);
      if (!answer) return this.answerFromKept(tab, id, c, key, otherwise);
      this.given.set(key, answer.ids);
      return this.give(tab, id, c, answer.ids.map(d => connection.get(c, d)), answer.extra);
    }));
  }

  /** See {@link ResultsCheck}. */
  private checkResults(collection: string, query: unknown, key: string, results: readonly RealDoc[]): void {
    const {local} = this.owner;
    if (!local) return;
    const earlier = new Set([...storedIds(this.owner, key, collection), ...this.given.get(key) ?? []]);
    this.given.delete(key);
    new ResultsCheck({collection, query, results, matches: undefined, earlier: [...earlier]}, local).start();
  }

  private answerFromKept(tab: Tab, id: number, c: string, key: string, otherwise: () => void): void {
    const stored = readStoredResults(this.owner, key);
    if (stored) this.give(tab, id, c, stored.docs.map(([collection, d]) => this.owner.connection.get(collection, d)), stored.extra);
    else otherwise();
  }

  private give(tab: Tab, id: number, c: string, docs: RealDoc[], extra: unknown): void {
    whenSettled(docs.map(doc => this.owner.share(doc)), tab.inThisSession(() => {
      tab.send({a: 'qf', id, data: docs.map(doc => item(doc, c, this.owner.share(doc).snapshotFor(tab))), extra, local: true});
    }));
  }

  subscribe(tab: Tab, request: QueryRequest): void {
    const {c, q, o} = request;
    const key = keyOf(c, q, o);
    let query = this.queries.get(key);
    if (!query) {
      query = new SharedQuery(this.owner, key, request, () => this.queries.delete(key));
      this.queries.set(key, query);
    }
    query.join(tab, request, this.canServerAnswer);
  }

  unsubscribe(tab: Tab, id: number): void {
    for (const query of [...this.queries.values()]) query.leave(tab, id);
  }

  /** @param showsValues whether to include the values of the conditions */
  inspect(showsValues: boolean): QueryReport[] {
    return [...this.queries.values()].map(query => query.inspect(showsValues));
  }

  /** Resolves when the subscribed queries of these collections have the server's results: see {@link settleQueries}. */
  settle(collections: readonly unknown[], clock: Clock): Promise<void> {
    return settleQueries([...this.queries.values()].filter(query => collections.includes(query.collection)), clock);
  }

  /** Ends the queries of a tab whose session has ended. */
  detach(tab: Tab): void {
    for (const query of [...this.queries.values()]) query.leave(tab);
  }

  /** Answers queries locally, because the connection is lost. */
  onDisconnected(): void {
    this.hasTried = true;
    this.given.clear();
    for (const query of this.queries.values()) query.onDisconnected();
    const unanswered = [...this.asked];
    // Those that nothing can answer are sent again, and so are added again.
    this.asked.clear();
    for (const asked of unanswered) {
      asked.real?.destroy();
      const {tab, key, id, c, q, o} = asked;
      this.answerLocally(tab, asked, key, () => this.ask(tab, {id, c, q, o}, key));
    }
  }

  /** Forgets the data for local results, because the connection is restored. */
  onConnected(): void {
    this.hasTried = true;
    this.owner.local?.forget();
  }

  /** Updates local results after a document has changed, if the server is unreachable. */
  onChange(doc: SharedDoc): void {
    const {local} = this.owner;
    if (!local || this.owner.isConnected()) return;
    local.note(doc);
    const {collection} = doc;
    if (this.changed.has(collection)) return;
    this.changed.add(collection);
    // The results are computed once for all changes of a turn.
    nextTick(() => {
      this.changed.delete(collection);
      if (this.owner.isConnected()) return;
      for (const query of this.queries.values()) if (query.collection === collection) query.onLocalChange();
    });
  }
}

/** A fetch of a query. */
interface Asked {
  tab: Tab;
  id: number;
  c: string;
  q: unknown;
  o: object | undefined;
  key: string;
  real?: RealQuery;
}
