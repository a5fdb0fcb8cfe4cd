import {TabsError} from '../protocol/errors.js';
import {MAX_PARTS, type TransactionPart} from '../protocol/transactions.js';
import type {ProxyConnection} from '../tab/proxy-connection.js';
import {ProxyDoc} from '../tab/doc/proxy-doc.js';
import {Collection} from './collection.js';
import type {TransactionAccess} from './current-transaction.js';
import type {CollectionDocument} from './document.js';
import type {Access} from './json0.js';
import {Overlay, tooBig} from './overlay.js';
import type {SharedArray} from './shared-array.js';
import type {SharedMap} from './shared-map.js';
import type {SharedRecord} from './shared-record.js';
import type {SharedQueue, TxQueue} from './shared-queue.js';
import type {Key, Readonly_} from './types.js';

/** The members of collections that are missing in transactions: waiting, watching, closing. */
export type NotInTransactions = 'ready' | 'isReady' | 'memory' | 'close' | 'destroy' | 'flush' | 'watch' | 'watchAll' | 'watchIndex' | 'on' | 'update' | typeof Symbol.asyncDispose;
/** A shared map within a transaction. All methods are synchronous. There is no watching, waiting or closing. */
export type TxMap<K extends Key, V> = Omit<SharedMap<K, V>, NotInTransactions>;
/** A shared array within a transaction. */
export type TxArray<T> = Omit<SharedArray<T>, NotInTransactions>;
/** A shared record within a transaction. */
export type TxRecord<T extends object> = Omit<SharedRecord<T>, Exclude<NotInTransactions, 'update'>>;
/** A document of any OT type within a transaction. */
export interface TxDoc<D> {
  /** The document's data, with the writes of this run; undefined if the document does not exist. */
  readonly data: Readonly_<D> | undefined;
  /** Changes the document. */
  submitOp(op: unknown): void;
  /** Creates the document. `type` is the name or URI of a registered OT type. Default json0. */
  create(data: D, type?: string): void;
  /** Deletes the document. */
  del(): void;
}
/** A collection within a transaction. */
export type Tx<C> = C extends SharedMap<infer K, infer V> ? TxMap<K, V>
    : C extends SharedQueue<infer T> ? TxQueue<T>
    : C extends SharedArray<infer T> ? TxArray<T>
      : C extends SharedRecord<infer T> ? TxRecord<T>
        : C extends ProxyDoc<infer D> ? TxDoc<D> : never;

/** Thrown by `retry()` and `abort()`. The run itself records the reason, because the app may catch this. */
export const GIVEN_UP = new Error('The transaction has ended this run: do not catch this error');

/** The outcome of a transaction at the server. */
export interface TransactionOutcome {
  /** The host has the writes. */
  committed: boolean;
  /**
   * The server has acknowledged all parts. Also true if the transaction wrote nothing, or only to local documents. False without rejected parts
   * if the connection was closed before the server's answer was known.
   */
  acknowledged: boolean;
  /**
   * Reads that another device changed before the transaction reached the server, so the transaction was computed from older values. Only reads
   * of documents that the transaction wrote are listed, and none if the host has changed since the commit.
   */
  raced: {
    /** The document's ShareDB collection. */
    collection: string;
    /** The document's id. */
    name: string;
    /** The key that was read. Missing if the whole content was read. */
    key?: Key;
  }[];
  /** The parts that the server rejected. Their ops are in `connection.deadLetters`. */
  rejected: {
    /** The document's ShareDB collection. */
    collection: string;
    /** The document's id. */
    name: string;
    /** The server's error. */
    error: Error;
  }[];
}

/** The argument of a transaction's function. */
export interface Transaction {
  /** The transaction's id. All runs have the same one. */
  readonly id: string;
  /** The number of this run, from 1. */
  readonly attempt: number;
  /** Aborts when the transaction is rejected, for example because of its `signal`, its `timeout` or `abort()`. */
  readonly signal: AbortSignal;
  /** Whether this run is still in progress. After its end, each use of `tx` throws ERR_TABS_TX_OVER. */
  readonly isOpen: boolean;
  /**
   * The collection or document, as it is within this transaction. Its first use throws ERR_TABS_TX_MIXED if it belongs to another connection,
   * and ERR_TABS_NOT_READY if it is not loaded.
   * @throws ERR_TABS_BAD_OPTION for anything else, ERR_TABS_TX_OVER after the end of the run
   */
  in<C>(shared: C): Tx<C>;
  /** Ends this run. The next one begins when something changes that this run has read or overwritten. */
  retry(): never;
  /** Rejects the transaction with `reason`. Nothing is written. */
  abort(reason?: unknown): never;
  /** Calls back once after the commit. Never called for a run that was ended early. */
  afterCommit(callback: () => void): void;
  /** The outcome at the server. Never rejects. */
  readonly outcome: Promise<TransactionOutcome>;
}

export interface RunOptions {
  id: string;
  attempt: number;
  signal: AbortSignal;
  outcome: Promise<TransactionOutcome>;
  isReadOnly?: boolean;
  /** In a read transaction: reads collections in the state at its beginning. */
  accessFor?: (base: CollectionDocument) => Access;
  /** The same for the data of a document. */
  dataOf?: (doc: ProxyDoc) => unknown;
}

/** One run of a transaction's function. */
export class Run implements Transaction, TransactionAccess {
  readonly id: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly outcome: Promise<TransactionOutcome>;
  isOpen = true;
  /** The function used collections directly, which only a synchronous function may do. */
  usedDirectly = false;
  givenUp: {by: 'retry'} | {by: 'abort'; reason: unknown} | undefined;
  readonly callbacks: (() => void)[] = [];
  private connectionOf: ProxyConnection | undefined;
  private readonly overlays = new Map<ProxyDoc, Overlay>();
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly options: RunOptions) {
    ({id: this.id, attempt: this.attempt, signal: this.signal, outcome: this.outcome} = options);
  }

  get connection(): ProxyConnection | undefined {
    return this.connectionOf;
  }

  get isStale(): boolean {
    return [...this.overlays.values()].some(({isStale}) => isStale);
  }

  get docs(): ProxyDoc[] {
    return [...this.overlays.keys()];
  }

  in<C>(shared: C): Tx<C> {
    this.check();
    if (shared instanceof Collection) return shared.inTransaction(this) as unknown as Tx<C>;
    if (shared instanceof ProxyDoc) return this.docView(shared) as Tx<C>;
    throw new TabsError('ERR_TABS_BAD_OPTION', 'tx.in() takes a collection or a document of this library');
  }

  private docView(doc: ProxyDoc): TxDoc<any> {
    const {dataOf} = this.options;
    const overlay = (): Overlay => this.overlayOf(doc);
    return {
      get data() {
        const own = overlay();
        return (dataOf ? dataOf(doc) : own.all()) as never;
      },
      submitOp: op => {
        // The op does not count as a read: the host rebases it over concurrent ops.
        overlay().submitOp(op);
      },
      create: (data, type) => overlay().create(data, type),
      del: () => overlay().del()
    };
  }

  access(base: CollectionDocument, isPlain: boolean): Access {
    this.check();
    if (isPlain) this.usedDirectly = true;
    if (this.options.accessFor) return this.options.accessFor(base);
    const overlay = this.overlayOf(base.doc);
    overlay.checkOp ??= (op, before) => base.checkLimits(op, before);
    return overlay;
  }

  private overlayOf(doc: ProxyDoc): Overlay {
    this.check();
    this.connectionOf ??= doc.connection as ProxyConnection;
    if (doc.connection !== this.connectionOf) {
      throw new TabsError('ERR_TABS_TX_MIXED', 'A transaction can\'t use collections of two connections. Code that an async function calls before ' +
        'its first await takes part, too');
    }
    let overlay = this.overlays.get(doc);
    if (overlay) return overlay;
    if (this.overlays.size === MAX_PARTS) throw tooBig(`more than ${MAX_PARTS} documents`);
    if (doc.version === null) {
      throw new TabsError('ERR_TABS_NOT_READY', `${doc.collection}/${doc.id} is not loaded: subscribe to it first`);
    }
    overlay = new Overlay(doc, this.options.isReadOnly === true, () => { for (const call of this.waiting.splice(0)) call(); });
    this.overlays.set(doc, overlay);
    return overlay;
  }

  private check(): void {
    if (!this.isOpen) throw new TabsError('ERR_TABS_TX_OVER', 'The transaction has ended: objects from its function can\'t be used any more');
  }

  retry(): never {
    this.check();
    this.givenUp ??= {by: 'retry'};
    throw GIVEN_UP;
  }

  abort(reason?: unknown): never {
    this.check();
    this.givenUp ??= {by: 'abort', reason};
    throw GIVEN_UP;
  }

  afterCommit(callback: () => void): void {
    this.check();
    this.callbacks.push(callback);
  }

  /** Resolves when something that the run has read or overwritten has changed. */
  whenStale(): Promise<void> {
    return new Promise(resolve => {
      if (this.isStale) resolve();
      else this.waiting.push(resolve);
    });
  }

  /** Whether each document is at a revision that the host has, with nothing unsent. */
  get isSettled(): boolean {
    return !this.unsettledDoc;
  }

  private get unsettledDoc(): ProxyDoc | undefined {
    return this.docs.find(({settledRevision}) => settledRevision === undefined);
  }

  /** Resolves when the run is stale or {@link isSettled} was true. The tab may have made another op since. */
  async whenSettled(): Promise<void> {
    while (!this.isStale) {
      const {unsettledDoc} = this;
      if (!unsettledDoc) return;
      await Promise.race([new Promise<void>(resolve => unsettledDoc.whenRevisionSettled(resolve)), this.whenStale()]);
    }
  }

  /** The reads and writes of all documents, while `isSettled` is true. */
  parts(): TransactionPart[] {
    return [...this.overlays].map(([doc, overlay]) => ({c: doc.collection, d: doc.id, rev: doc.settledRevision!, ...overlay.part}))
      .filter(({reads, step}) => reads.length || step);
  }

  /** Ends the use of the transaction. Its reads are still watched until `close`. */
  end(): void {
    this.isOpen = false;
  }

  close(): void {
    this.isOpen = false;
    for (const overlay of this.overlays.values()) overlay.close();
  }
}
