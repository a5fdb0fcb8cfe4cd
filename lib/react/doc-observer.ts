import type {Clock} from '../platform/platform.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import type {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {Observer} from './observer.js';
import {SnapshotCache} from './snapshot-cache.js';

/** The state of a document at one moment. */
export interface DocState<Data> {
  /** An immutable snapshot; undefined while the document is not loaded, does not exist or is deleted. */
  readonly data: Data | undefined;
  readonly doc: ProxyDoc<Data>;
  /** True until the document is loaded or has failed to load. */
  readonly isLoading: boolean;
  /** Why the document could not be loaded, or its last `error` event. */
  readonly error: Error | undefined;
}

/** How a component loads the document. 'none' only follows what others have loaded. */
export type Loading = 'none' | 'fetch' | 'subscribe';

const JSON0 = 'http://sharejs.org/types/JSONv0';
/** json1's `apply` makes new objects along the path of a change, and keeps all others. */
const JSON1 = 'http://sharejs.org/types/JSONv1';

/** One document, for all components that show it. */
export class DocObserver<Data> extends Observer<DocState<Data>> {
  /** The document object. `open` replaces it if it was destroyed while the observer was closed. */
  private doc: ProxyDoc<Data>;
  /** Settles when the document is loaded or has failed to load. {@link open} replaces it together with the document object. */
  loaded!: Promise<void>;
  private settleLoaded!: () => void;
  private readonly cache = new SnapshotCache();
  private readonly isOurs: boolean;
  private state: DocState<Data> | undefined;
  private serverState: DocState<Data> | undefined;
  private loading: Loading = 'none';
  private isLoading = true;
  private error: Error | undefined;

  constructor(
    private readonly connection: ProxyConnection, private readonly collection: string, private readonly id: string,
    clock: Clock, graceMs: number, onClosed: () => void
  ) {
    super(clock, graceMs, onClosed);
    this.isOurs = !connection.getExisting(collection, id);
    this.doc = connection.get<Data>(collection, id);
    this.beginLoading();
    this.takeIfLoaded();
  }

  /** Loads the document in this way, unless it was loaded in the same or a stronger way before. */
  load(loading: Loading): void {
    if (ORDER[loading] <= ORDER[this.loading]) return;
    this.loading = loading;
    const done = (error?: unknown): void => {
      this.error = error ? (error as Error) : undefined;
      this.finishLoading();
    };
    if (loading === 'subscribe') this.doc.subscribe(done);
    else this.doc.fetch(done);
  }

  getSnapshot(): DocState<Data> {
    if (this.state) return this.state;
    const {doc, isLoading, error} = this;
    return (this.state = {data: this.cache.take(doc.data) as Data | undefined, doc, isLoading, error});
  }

  getServerSnapshot(): DocState<Data> {
    const {doc} = this;
    if (this.serverState?.doc !== doc) this.serverState = {data: undefined, doc, isLoading: true, error: undefined};
    return this.serverState!;
  }

  protected override open(): void {
    const doc = this.connection.get<Data>(this.collection, this.id);
    if (doc !== this.doc) {
      this.doc = doc;
      this.beginLoading();
    }
    doc.on('op', this.onOp);
    for (const event of WHOLE) doc.on(event, this.onWhole);
    doc.on('error', this.onError);
    // The document may have changed while nobody followed it.
    this.onWhole();
  }

  protected override close(): void {
    const {doc} = this;
    doc.off('op', this.onOp);
    for (const event of WHOLE) doc.off(event, this.onWhole);
    doc.off('error', this.onError);
    const {loading} = this;
    this.loading = 'none';
    const isUsedElsewhere = doc.eventNames().some(event => doc.listenerCount(event) > 0);
    if (isUsedElsewhere) return;
    const ignore = (): void => {};
    if (this.isOurs) doc.destroy(ignore);
    else if (loading === 'subscribe') doc.unsubscribe(ignore);
  }

  protected override discard(): void {
    const {doc} = this;
    const isUsed = doc.wantSubscribe || typeof doc.version === 'number' || doc.hasPending() || doc.eventNames().length > 0;
    if (this.isOurs && !isUsed) doc.destroy(() => {});
  }

  private readonly onOp = (op: unknown): void => {
    const {type, data} = this.doc;
    if (type?.uri === JSON0 && Array.isArray(op)) this.cache.invalidatePaths(data, op);
    else if (type?.uri !== JSON1) this.cache.invalidate();
    this.change();
  };

  private readonly onWhole = (): void => {
    this.cache.invalidate();
    this.takeIfLoaded();
    this.change();
  };

  private readonly onError = (error: unknown): void => {
    this.error = error as Error;
    this.change();
  };

  private beginLoading(): void {
    this.isLoading = true;
    this.error = undefined;
    this.loaded = new Promise(resolve => { this.settleLoaded = resolve; });
  }

  private takeIfLoaded(): void {
    if (this.doc.version === null || this.doc.version === undefined) return;
    this.isLoading = false;
    this.settleLoaded();
  }

  private finishLoading(): void {
    this.isLoading = false;
    this.settleLoaded();
    this.cache.invalidate();
    this.change();
  }

  private change(): void {
    this.state = undefined;
    this.notify();
  }
}

const ORDER: Record<Loading, number> = {none: 0, fetch: 1, subscribe: 2};
/** Events after which any part of the data may have changed. */
const WHOLE = ['load', 'create', 'del'] as const;
