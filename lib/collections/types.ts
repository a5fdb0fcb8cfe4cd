/** What can be stored. Anything else throws ERR_TABS_BAD_VALUE: undefined, NaN, Date, Map, functions, class instances, cycles. */
export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};
/** What may be a key of a shared map. */
export type Key = string | number | boolean;
/** Data that may not be changed in place. */
export type Readonly_<V> = V extends object ? {readonly [K in keyof V]: Readonly_<V[K]>} : V;

/** Stores what JSON has not: `decode(encode(v))` equals `v`. */
export interface Codec<V> {
  encode(value: V): Json;
  decode(json: Json): V;
}

/** How large a collection, its keys and its values may be. */
export interface Limits {
  /** Keys of a map or record, elements of an array, items of a queue. Default 100,000. */
  maxEntries: number;
  /** Characters of the JSON of one document. Default 8 Mi. */
  maxChars: number;
  /** Characters of the JSON of one value. Default 1 Mi. */
  maxValueChars: number;
  /** Characters of a key. Default 512. */
  maxKeyLength: number;
}

/** The options of any collection. */
export interface CollectionOptions<V> {
  /** 'local': in the host and its store, never at the server. 'synced': a document of the server. Default 'local'. */
  scope?: 'local' | 'synced' | undefined;
  /** The ShareDB collection of the document. Default 'collections'. */
  collection?: string | undefined;
  codec?: Codec<V> | undefined;
  limits?: Partial<Limits> | undefined;
}

/** The options of a shared map. */
export interface MapOptions<V> extends CollectionOptions<V> {
  /** Spreads the keys over so many documents. Part of what is stored: open the map with the same number everywhere. Default 1. */
  shards?: number | undefined;
}

/** The options of a shared record. */
export interface RecordOptions<T> extends CollectionOptions<T[keyof T]> {
  /** Written where a key is missing when the record is created. */
  initial?: Partial<T> | undefined;
}

/** What all collections have. */
export interface Shared extends AsyncDisposable {
  readonly name: string;
  readonly scope: 'local' | 'synced';
  /** Resolves when the collection can be read and written. Rejects as the document's subscription does. */
  readonly ready: Promise<this>;
  readonly isReady: boolean;
  /** Roughly what the tab's replica takes, in bytes: 2 per character of JSON. */
  readonly memory: number;
  /** Ends this view: watchers end, the document is let go of. Other views go on. May be called twice. */
  close(): Promise<void>;
  /** Deletes the collection for everybody. Resolves when the host has done it. */
  destroy(): Promise<void>;
  /** Resolves when what this tab has written is durable, and with `{at: 'server'}`, when the server has acknowledged it. */
  flush(options?: {at?: 'host' | 'server'}): Promise<void>;
}

/** What a collection tells of a change. */
export interface ChangeEvent<V> {
  type: 'set' | 'delete';
  oldValue?: V;
  newValue?: V;
  /** When this tab showed it, in ms since the epoch. */
  timestamp: number;
  /** Made by this tab. */
  isLocal: boolean;
  /** The id of the transaction that made it. */
  transactionId?: string;
}

/** What has changed in a shared map. */
export interface MapChangeEvent<K, V> extends ChangeEvent<V> {
  key: K;
}

/** What has changed in a shared record. */
export type RecordChangeEvent<T> = {[P in keyof T]: MapChangeEvent<P, T[P]>}[keyof T];

/** What has changed in a shared array. */
export type ArrayChangeEvent<T> = {timestamp: number; isLocal: boolean; transactionId?: string} & (
  | {type: 'splice'; index: number; deleted: T[]; inserted: T[]}
  | {type: 'set'; index: number; oldValue: T; newValue: T}
  | {type: 'move'; from: number; to: number}
  | {type: 'reset'; oldValue: T[]; newValue: T[]}
);

/** The options of `watch`. */
export interface WatchOptions {
  signal?: AbortSignal | undefined;
  /** Begins with what is there. Default false. */
  immediate?: boolean | undefined;
  /** Leaves out what this tab does. Default false. */
  remoteOnly?: boolean | undefined;
}
