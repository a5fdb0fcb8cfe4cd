import {encodeError, type ErrorData} from '../protocol/errors.js';
import {FencedError, type Change, type DocKey, type Storage, type StoredDoc} from './storage.js';

/** Turns what is stored into something that only the owner can read, and back. */
export interface Cipher {
  encrypt(text: string): Promise<string> | string;
  decrypt(text: string): Promise<string> | string;
}

export interface DurableStoreOptions {
  storage: Storage;
  namespace: string;
  epoch: string;
  cipher?: Cipher | undefined;
  /** What is in office changed: durable or not, an error. */
  onStatus(): void;
  /** Another host has taken over: this one has to stop. */
  onFenced(): void;
}

/** After a failed write, the next one is tried after so long. */
const RETRY_MS = 2000;

/**
 * The journal and the checkpoints of a host's documents. What is written in one go is committed together;
 * what comes while a commit runs goes into the next. Whoever waits for durability is called when all that
 * was appended before is committed, or when the storage can't keep it, which `status` then says: an app
 * goes on without a disk.
 */
export class DurableStore {
  /** The id of the histories that are kept here: the same over all hosts that continue them. */
  lineage = '';
  lastError: ErrorData | undefined;
  /** The small values that earlier hosts have kept. */
  kept: Record<string, string> = {};
  private known = new Map<string, {key: DocKey; hasPending: boolean}>();
  private queue: Change[] = [];
  private waiting: (() => void)[] = [];
  private committing = false;
  private failing = false;
  private isBroken = false;
  private closed = false;
  private readonly ready: Promise<void>;

  constructor(private readonly options: DurableStoreOptions, private readonly after: (ms: number, callback: () => void) => () => void) {
    const {storage} = options;
    storage.onLost = reason => this.fail(Object.assign(new Error(reason), {code: 'ERR_TABS_STORAGE_LOST'}));
    this.ready = this.open();
  }

  /** Whether what was written so far survives the end of the browser. */
  get isDurable(): boolean {
    return this.options.storage.isDurable && !this.isBroken;
  }

  /** Resolves when the storage is open and claimed, or has turned out not to be to be had. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  has(key: DocKey): boolean {
    return this.known.has(nameOf(key));
  }

  /** The documents that have something which the server has not acknowledged, or may have. */
  pendingDocs(): DocKey[] {
    return [...this.known.values()].filter(({hasPending}) => hasPending).map(({key}) => key);
  }

  keys(): DocKey[] {
    return [...this.known.values()].map(({key}) => key);
  }

  /** What is stored of a document; undefined where nothing is, or it can't be read. */
  async load(key: DocKey): Promise<StoredDoc | undefined> {
    const {storage, cipher} = this.options;
    try {
      const [stored] = await storage.read([key]);
      if (!stored || (stored.checkpoint === undefined && !stored.journal.length)) return undefined;
      if (!cipher) return stored;
      const decrypt = async (text: string): Promise<string> => cipher.decrypt(text);
      return {
        checkpoint: stored.checkpoint === undefined ? undefined : await decrypt(stored.checkpoint),
        journal: await Promise.all(stored.journal.map(async ({n, record}) => ({n, record: await decrypt(record)})))
      };
    } catch (error) {
      this.noteError(error);
      return undefined;
    }
  }

  append(key: DocKey, n: number, record: string): void {
    this.note(key, true);
    this.enqueue({type: 'append', key, n, record});
  }

  checkpoint(key: DocKey, n: number, checkpoint: string, hasPending: boolean): void {
    this.note(key, hasPending);
    this.enqueue({type: 'checkpoint', key, n, checkpoint, hasPending});
  }

  remove(key: DocKey): void {
    this.known.delete(nameOf(key));
    this.enqueue({type: 'remove', key});
  }

  keep(name: string, value: string | undefined): void {
    this.enqueue({type: 'meta', name, value});
  }

  /** Calls back when all that was appended so far is committed: at once, where nothing is waiting. */
  whenDurable(callback: () => void): void {
    if (this.failing || this.closed || !this.isWriting) return callback();
    this.waiting.push(callback);
  }

  /** Whether something is not committed yet. */
  get isWriting(): boolean {
    return this.committing || this.queue.length > 0;
  }

  get queueSize(): number {
    return this.queue.length;
  }

  /** Deletes everything. */
  async clear(): Promise<void> {
    this.queue = [];
    this.known.clear();
    this.closed = true;
    this.release(this.waiting.splice(0));
    await this.options.storage.clear();
  }

  close(): void {
    this.closed = true;
    this.options.storage.close();
  }

  private async open(): Promise<void> {
    const {storage, namespace, epoch} = this.options;
    try {
      await storage.open(namespace);
      this.kept = await storage.claim(epoch);
      const {lineage} = this.kept;
      this.lineage = lineage ?? epoch;
      if (lineage === undefined) this.enqueue({type: 'meta', name: 'lineage', value: epoch});
      for (const {key, hasPending} of await storage.inventory()) this.known.set(nameOf(key), {key, hasPending});
    } catch (error) {
      this.lineage = epoch;
      this.fail(error);
    }
  }

  private note(key: DocKey, hasPending: boolean): void {
    this.known.set(nameOf(key), {key, hasPending});
  }

  private enqueue(change: Change): void {
    if (this.closed) return;
    this.queue.push(change);
    if (!this.committing && !this.failing) void this.commit();
  }

  private async commit(): Promise<void> {
    this.committing = true;
    // All that this turn of the event loop still has to say goes along.
    await undefined;
    while (this.queue.length && !this.closed) {
      const changes = this.queue;
      const waiting = this.waiting;
      this.queue = [];
      this.waiting = [];
      try {
        await this.options.storage.write(await this.encrypted(changes), this.options.epoch);
        this.recover();
      } catch (error) {
        this.committing = false;
        this.handleFailure(error, changes);
        this.release(waiting);
        return;
      }
      this.release(waiting);
    }
    this.committing = false;
    this.release(this.waiting.splice(0));
  }

  private async encrypted(changes: Change[]): Promise<Change[]> {
    const {cipher} = this.options;
    if (!cipher) return changes;
    return Promise.all(changes.map(async change => {
      if (change.type === 'append') return {...change, record: await cipher.encrypt(change.record)};
      if (change.type === 'checkpoint') return {...change, checkpoint: await cipher.encrypt(change.checkpoint)};
      return change;
    }));
  }

  private handleFailure(error: unknown, changes: Change[]): void {
    if (error instanceof FencedError) {
      this.closed = true;
      this.options.onFenced();
      return;
    }
    // Nothing is dropped: what could not be written is tried again, in its order.
    this.queue = [...changes, ...this.queue];
    this.fail(error);
  }

  private fail(error: unknown): void {
    this.noteError(error);
    if (this.failing || this.closed) return;
    this.failing = true;
    this.isBroken = true;
    this.options.onStatus();
    this.release(this.waiting.splice(0));
    this.after(RETRY_MS, () => {
      this.failing = false;
      if (this.queue.length && !this.committing && !this.closed) void this.commit();
    });
  }

  private recover(): void {
    if (!this.isBroken) return;
    this.isBroken = false;
    this.lastError = undefined;
    this.options.onStatus();
  }

  private noteError(error: unknown): void {
    this.lastError = encodeError(error);
  }

  private release(waiting: (() => void)[]): void {
    for (const callback of waiting) callback();
  }
}

const nameOf = (key: DocKey): string => JSON.stringify(key);
