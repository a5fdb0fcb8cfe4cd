import {nextTick} from '../platform/next-tick.js';
import type {Clearing} from '../protocol/clearing.js';
import type {InspectOptions, Report} from '../protocol/report.js';
import {TabsError} from '../protocol/errors.js';
import {Completion, completing, type UncaughtHandler} from './completion.js';
import {TabDeadLetters} from './dead-letters.js';
import {overHost} from './presence/doc-presence.js';
import {TabQuarantine} from './quarantine.js';
import {LinkedConnection} from './linked-connection.js';
import {ProxyDoc} from './doc/proxy-doc.js';
import type {ProxyPresence} from './presence/presence.js';
import {givePresencePromises} from './presence/presence-promises.js';
import type {ProxyQuery, QueryCallback, QueryOptions} from './query.js';
import type {Callback, Snapshot, SnapshotCallback, UpstreamPresence} from './upstream.js';

/**
 * A ShareDB `Connection` to the namespace's host instead of the server. Apps and bindings use it like the original. `state` is the state of
 * the host's connection to the server.
 */
export class ProxyConnection extends LinkedConnection {
  /** The ops that the server rejected for good: list, retry, discard, export. Event `deadletter`. */
  readonly deadLetters = new TabDeadLetters(this);
  /** Stored data that could not be used: list, restore, discard, export. */
  readonly quarantine = new TabQuarantine(this);
  private autoFlush = true;
  /** The mark of this tab's own `clear()`; undefined if it was not called or the mark could not be stored. @internal */
  protected leaves: Clearing | undefined;
  /** For calls whose errors are not reported by an event. */
  private readonly ignoring: UncaughtHandler = {handleUncaught() {}, openCalls: this.openCalls};

  /**
   * Returns the document of this name: the same object at each call, until it is destroyed. Nothing is loaded before `fetch` or `subscribe`.
   * The type parameter is the type of its data, as in `get<Note>('notes', id)`.
   */
  override get<Data = any>(collection: string, id: string): ProxyDoc<Data> {
    const existing = this.getExisting(collection, id);
    if (existing) return super.get(collection, id) as ProxyDoc<Data>;
    const doc = new ProxyDoc<Data>(this, collection, id);
    this._addDoc(doc);
    this.emit('doc', doc);
    return doc;
  }

  /**
   * Gets many documents at once. The documents that are not loaded yet are requested in one message.
   * @returns the documents in the order of `ids`, when all of them have loaded. Rejects with the first error of a document, or with
   *   ERR_TABS_BAD_OPTION if `ids` is not an array.
   */
  getBulk<Data = any>(
    collection: string, ids: readonly string[], callback?: (error: any, docs?: ProxyDoc<Data>[]) => void
  ): Completion<ProxyDoc<Data>[]> {
    return completing<ProxyDoc<Data>[]>(callback, this, done => {
      if (!Array.isArray(ids)) return done(new TabsError('ERR_TABS_BAD_OPTION', 'getBulk: ids must be an array'));
      const docs = ids.map(id => this.get<Data>(collection, id));
      const missing = docs.filter(doc => !doc.type && doc.version === null);
      let left = missing.length;
      if (!left) return nextTick(() => done(null, docs));
      let failure: unknown = null;
      this.startBulk();
      for (const doc of missing) {
        doc.fetch(error => {
          failure ??= error;
          if (--left) return;
          if (failure) done(failure);
          else done(null, docs);
        });
      }
      this.endBulk();
    });
  }

  /** Runs a query once. Without a callback, `await query.whenReady()` returns the results. */
  override createFetchQuery<Data = any>(
    collection: string, query: unknown, options?: QueryOptions | null, callback?: QueryCallback<Data>
  ): ProxyQuery<Data> {
    return this.querying(callback, done => super.createFetchQuery(collection, query, options as never, done as never));
  }

  /** Runs a query and subscribes to its results. Without a callback, `await query.whenReady()` returns the first results. */
  override createSubscribeQuery<Data = any>(
    collection: string, query: unknown, options?: QueryOptions | null, callback?: QueryCallback<Data>
  ): ProxyQuery<Data> {
    return this.querying(callback, done => super.createSubscribeQuery(collection, query, options as never, done as never));
  }

  private querying<Data>(
    callback: QueryCallback<Data> | undefined, start: (done: (...args: any[]) => void) => unknown
  ): ProxyQuery<Data> {
    let query: ProxyQuery<Data>;
    const ready = completing<ProxyDoc<Data>[]>(callback as never, {
      openCalls: this.openCalls, handleUncaught: error => query.emit('error', error as never)
    }, done => {
      query = start(done) as ProxyQuery<Data>;
    });
    // Results without a revision are not updated by the host, so they are fetched. A server would compare their versions.
    for (const doc of query!.results ?? []) if (doc.position.rev === null) doc.fetch(() => {});
    return Object.assign(query!, {whenReady: () => ready, isLocal: false});
  }

  /**
   * Gets a document as it was at a version, without subscribing to it. `getSnapshot` returns a promise.
   * @param version the latest if it is null or left out
   */
  override fetchSnapshot(collection: string, id: string, callback: SnapshotCallback): void;
  override fetchSnapshot(collection: string, id: string, version: number | null, callback: SnapshotCallback): void;
  override fetchSnapshot(...args: unknown[]): void {
    super.fetchSnapshot(...this.withCalls(args));
  }

  /**
   * Gets a document as it was at a time. `getSnapshotByTimestamp` returns a promise.
   * @param timestamp in ms since the epoch; the latest if it is null or left out
   */
  override fetchSnapshotByTimestamp(collection: string, id: string, callback: SnapshotCallback): void;
  override fetchSnapshotByTimestamp(collection: string, id: string, timestamp: number | null, callback: SnapshotCallback): void;
  override fetchSnapshotByTimestamp(...args: unknown[]): void {
    super.fetchSnapshotByTimestamp(...this.withCalls(args));
  }

  private withCalls(args: unknown[]): [string, string, number | null, SnapshotCallback] {
    return args.map(arg => (typeof arg === 'function' ? new Completion(arg as Callback, this.ignoring).done : arg)) as never;
  }

  /**
   * `fetchSnapshot` as a promise: without a callback, `fetchSnapshot` throws, as upstream does.
   * @param version the latest if it is null or left out
   */
  getSnapshot(collection: string, id: string, version: number | null = null): Promise<Snapshot> {
    return completing<Snapshot>(undefined, this.ignoring, done => this.fetchSnapshot(collection, id, version, done));
  }

  /**
   * `fetchSnapshotByTimestamp` as a promise.
   * @param timestamp in ms since the epoch; the latest if it is null or left out
   */
  getSnapshotByTimestamp(collection: string, id: string, timestamp: number | null = null): Promise<Snapshot> {
    return completing<Snapshot>(undefined, this.ignoring, done => this.fetchSnapshotByTimestamp(collection, id, timestamp, done));
  }

  /** @internal */
  handleUncaught(error: unknown): void {
    this.emit('error', error);
  }

  /** Resolves when no op and no request of this tab is pending. */
  override whenNothingPending(callback?: () => void): Completion {
    return completing(callback, this.ignoring, done => super.whenNothingPending(done));
  }

  /** The presences of a channel: see {@link ProxyPresence}. */
  override getPresence<Value = any>(channel: string): ProxyPresence<Value> {
    const isNew = !this._presences[channel];
    const presence = super.getPresence(channel) as unknown as UpstreamPresence;
    if (isNew) givePresencePromises(presence);
    return presence as unknown as ProxyPresence<Value>;
  }

  /** The presences in a document, whose ops transform their values. The document's OT type has to support that, as rich-text does. */
  override getDocPresence<Value = any>(collection: string, id: string): ProxyPresence<Value> {
    const isNew = !this._presences[`${collection}.${id}`];
    const presence = super.getDocPresence(collection, id) as unknown as UpstreamPresence;
    if (isNew) givePresencePromises(overHost(presence));
    return presence as unknown as ProxyPresence<Value>;
  }

  /**
   * Returns a report of the state of the host and this tab, for example for a bug report. By default, it contains no document's data. Never
   * rejects: if no host answers, the report has only the tab's part, and `error` with the reason.
   * @param options what to report in addition
   */
  async inspect(options: InspectOptions = {}): Promise<Report> {
    const tab = this.report();
    try {
      return {tab, ...await this.callHost('host.inspect', options)};
    } catch (error) {
      return {tab, error: (error as Error).message};
    }
  }

  /**
   * Signs out: stops all tabs of the namespace and deletes all data that is stored for it. Edits that the server lacks are lost; check
   * `status.pendingOps` first. This connection is closed in any case. Rejects with ERR_TABS_NOT_CLEARED if some data could not be deleted.
   */
  async clear(): Promise<void> {
    this.clearing = true;
    try {
      await this.callHost('host.clear', this.leaves ?? null);
    } catch (error) {
      throw new TabsError('ERR_TABS_NOT_CLEARED', `Not all that is stored could be deleted: ${(error as Error).message}. ${this.leaves ? 'The next start deletes it' : 'Call clear() again after the next start'}`);
    } finally {
      this.clearing = false;
      this.closeCleared();
    }
  }

  // ---- methods of the @sharesync/sharedb fork; see docs/migration.md

  /** As in the fork. The store already has each document that a tab has opened. Waits as `flushWrites` does. */
  putDoc(_doc: ProxyDoc, callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  /** See `putDoc`. */
  putDocs(_docs: readonly ProxyDoc[], callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  /** See `putDoc`. */
  putDocsBulk(_docs: readonly ProxyDoc[], callback?: (error?: any) => void): Completion {
    return this.flushWrites(callback);
  }

  /**
   * Resolves when all ops that this tab has submitted so far, and that the host has, are durable. The ops of a paused document reach the
   * host when the app resumes it. Fails with ERR_TABS_SESSION_ENDED if the host is lost meanwhile.
   */
  flushWrites(callback?: (error?: any) => void): Completion {
    return completing(callback, this, done => {
      this.flushHost().then(() => done(null), done);
    });
  }

  private async flushHost(): Promise<void> {
    let isHandedOver = false;
    const handOver = Promise.all(this.proxyDocs().map(doc => new Promise<void>(resolve => doc.whenHandedOver(resolve))))
      .then(() => { isHandedOver = true; });
    await new Promise<void>(nextTick);
    // The host answers when all changes so far are durable. Usually these include the ops, and no second call is necessary.
    await this.callHost('store.flush');
    if (isHandedOver) return;
    await handOver;
    await this.callHost('store.flush');
  }

  /** Stores the setting, which has no other effect: the host always writes changes on its own. */
  setAutoFlush(enabled: boolean): void {
    this.autoFlush = enabled;
  }

  /** See `setAutoFlush`. */
  isAutoFlush(): boolean {
    return this.autoFlush;
  }

  /** The number of changes that wait to be written, as of the last `status`. */
  getWriteQueueSize(): number {
    return this.status.pendingWrites;
  }

  /** Whether changes wait to be written, as of the last `status`. */
  hasPendingWrites(): boolean {
    return this.status.pendingWrites > 0;
  }

  /** Whether any tab has edits that the server has not acknowledged, as of the last `status`. */
  hasPendingOfflineDocs(): boolean {
    return this.status.pendingDocs > 0 || this.hasWritePending();
  }

  /**
   * Whether the document is available without a server. With `minVersion`, whether it is available at that version or a later one, as far
   * as this tab knows.
   */
  isDocInInventory(collection: string, id: string, minVersion?: number | string | null): boolean {
    const doc = this.getExisting(collection, id) as ProxyDoc | undefined;
    if (minVersion != null) return !!doc && this.isRecent(doc, minVersion);
    return (doc?.version ?? null) !== null || this.inventory.has(collection, id);
  }

  /** Whether a document is loaded and its version is at least `minVersion`. @internal */
  isRecent(doc: ProxyDoc, minVersion: number | string | null): boolean {
    if (doc.version === null || minVersion === null) return doc.version !== null;
    const {versionDecoder} = this.options;
    const version = versionDecoder ? versionDecoder(doc.data) : doc.version;
    return version != null && version >= minVersion;
  }

  /** Calls `callback` for each document with edits that the server has not acknowledged. Resolves after the last call. */
  forEachPendingDocCollectionId(callback: (collection: string, id: string) => void): Promise<void> {
    return this.callHost('store.pendingDocs').then(keys => {
      for (const [collection, id] of keys) callback(collection, id);
    });
  }
}
