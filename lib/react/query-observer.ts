import type {Clock} from '../platform/platform.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyQuery, QueryOptions} from '../tab/query.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import type {DocObserver} from './doc-observer.js';
import {Observer} from './observer.js';
import {shareStructure} from './snapshot-cache.js';

/** The state of a query at one moment. */
export interface QueryState<Data> {
  /** Immutable snapshots of the documents' data, in the order of the query. */
  readonly results: readonly Data[];
  /** The documents, in the same order as `results`. */
  readonly docs: readonly ProxyDoc<Data>[];
  /** The additional result of the database adapter, for example a count. */
  readonly extra: unknown;
  /** Whether the first results have not arrived yet. */
  readonly isLoading: boolean;
  /** Why the query failed; undefined if it did not. */
  readonly error: Error | undefined;
}

/** One query, for all components that show it. */
export class QueryObserver<Data> extends Observer<QueryState<Data>> {
  /** Settles when the first results have arrived or the query has failed. {@link open} replaces it. */
  loaded!: Promise<void>;
  private settleLoaded!: () => void;
  private query: ProxyQuery<Data> | undefined;
  private state: QueryState<Data> = LOADING;
  private isChanged = false;
  private isLoading = true;
  private error: Error | undefined;
  /** For each result: its observer, and a function that ends this observer's subscription to it. */
  private readonly followed = new Map<ProxyDoc<Data>, {observer: DocObserver<Data>; end: () => void}>();

  constructor(
    private readonly connection: ProxyConnection,
    private readonly asked: {collection: string; query: unknown; options: QueryOptions; fetch: boolean},
    private readonly observe: (collection: string, id: string) => DocObserver<Data>,
    clock: Clock, graceMs: number, onClosed: () => void
  ) {
    super(clock, graceMs, onClosed);
    this.beginLoading();
  }

  getSnapshot(): QueryState<Data> {
    if (!this.isChanged) return this.state;
    this.isChanged = false;
    const {isLoading, error, state, query} = this;
    const docs = keepIfEqual(state.docs, query?.results ?? state.docs);
    const results = keepIfEqual(state.results, docs.map(doc => this.followed.get(doc)!.observer.getSnapshot().data as Data));
    return (this.state = {results, docs, extra: shareStructure(state.extra, query?.extra), isLoading, error});
  }

  getServerSnapshot(): QueryState<Data> {
    return LOADING;
  }

  protected override open(): void {
    // After a pause, the documents of the last results are destroyed.
    if (!this.isLoading) this.beginLoading();
    const {collection, query, options, fetch} = this.asked;
    const callback = (error: unknown): void => {
      this.error = error ? (error as Error) : undefined;
      this.isLoading = false;
      this.settleLoaded();
      this.change();
    };
    // ShareDB deletes `results` from the options that it gets, so it gets a copy.
    this.query = fetch
      ? this.connection.createFetchQuery<Data>(collection, query, {...options}, callback)
      : this.connection.createSubscribeQuery<Data>(collection, query, {...options}, callback);
    this.query.on('changed', this.change);
    this.query.on('extra', this.change);
    this.query.on('ready', this.change);
    this.query.on('error', this.onError);
  }

  protected override close(): void {
    const query = this.query!;
    // A component that React has hidden can render while nothing is followed.
    this.getSnapshot();
    for (const event of ['changed', 'extra', 'ready'] as const) query.off(event, this.change);
    query.off('error', this.onError);
    // Without a listener, a late error would be thrown.
    query.on('error', () => {});
    query.destroy();
    for (const {end} of this.followed.values()) end();
    this.followed.clear();
  }

  private beginLoading(): void {
    this.state = LOADING;
    this.isLoading = true;
    this.error = undefined;
    this.loaded = new Promise(resolve => { this.settleLoaded = resolve; });
  }

  private readonly onError = (error: unknown): void => {
    this.error = error as Error;
    this.change();
  };

  private readonly onDoc = (): void => {
    this.isChanged = true;
    this.notify();
  };

  private readonly change = (): void => {
    this.follow(this.query?.results ?? []);
    this.isChanged = true;
    this.notify();
  };

  private follow(docs: readonly ProxyDoc<Data>[]): void {
    const present = new Set(docs);
    for (const doc of present) {
      if (this.followed.has(doc)) continue;
      const observer = this.observe(doc.collection, doc.id);
      this.followed.set(doc, {observer, end: observer.subscribe(this.onDoc)});
    }
    for (const [doc, {end}] of this.followed) {
      if (present.has(doc)) continue;
      this.followed.delete(doc);
      end();
    }
  }
}

const LOADING: QueryState<never> = {results: [], docs: [], extra: undefined, isLoading: true, error: undefined};

function keepIfEqual<T>(last: readonly T[], next: readonly T[]): readonly T[] {
  const isEqual = last.length === next.length && next.every((item, index) => Object.is(item, last[index]));
  // A copy, because ShareDB changes its list of results in place.
  return isEqual ? last : [...next];
}
