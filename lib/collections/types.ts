/** The values that can be stored. Others throw ERR_TABS_BAD_VALUE: undefined, NaN, Date, Map, functions, class instances, cycles. */
export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};
/** The keys of a shared map. */
export type Key = string | number | boolean;
/** Data that must not be changed in place. */
export type Readonly_<V> = V extends object ? {readonly [K in keyof V]: Readonly_<V[K]>} : V;

/** Converts values that JSON can't represent. `decode(encode(v))` must equal `v`. */
export interface Codec<V> {
  /** Returns the value as JSON. It is called for each write. */
  encode(value: V): Json;
  /** Returns the value for its JSON. It is called once for each stored object. */
  decode(json: Json): V;
}

/** The largest size of a collection, its keys and its values. */
export interface Limits {
  /** Keys of a map or record, elements of an array, or items of a queue. Default 100,000. */
  maxEntries: number;
  /** Characters of the JSON of one document. Default 8 Mi (8,388,608). */
  maxChars: number;
  /** Characters of the JSON of one value. Default 1 Mi (1,048,576). */
  maxValueChars: number;
  /** Characters of a key. Default 512. */
  maxKeyLength: number;
}

/** The options of any collection. */
export interface CollectionOptions<V> {
  /** 'local': in the host and its store, never at the server. 'synced': a document of the server. Default 'local'. */
  scope?: 'local' | 'synced' | undefined;
  /** The ShareDB collection of the document, without the prefix `local:`. Default 'collections'. */
  collection?: string | undefined;
  /** Converts values that JSON can't represent. Default: values are stored as they are. */
  codec?: Codec<V> | undefined;
  /** The largest sizes. A write above them throws ERR_TABS_LIMIT. */
  limits?: Partial<Limits> | undefined;
}

/** The options of a shared map. */
export interface MapOptions<V> extends CollectionOptions<V> {
  /**
   * The number of documents that the keys are spread over, from 1 to 1024. It is stored with the map: opening it with another number
   * fails with ERR_TABS_BAD_OPTION. Default 1.
   */
  shards?: number | undefined;
}

/** The options of a shared record. */
export interface RecordOptions<T> extends CollectionOptions<T[keyof T]> {
  /** The values of keys in a new record. */
  initial?: Partial<T> | undefined;
}

/** The members of all collections. */
export interface Shared extends AsyncDisposable {
  /** The name that the collection was opened with. */
  readonly name: string;
  /** 'local': in the host and its store. 'synced': a document of the server. */
  readonly scope: 'local' | 'synced';
  /**
   * Resolves when the collection can be read and written. Rejects if the document's subscription fails, with ERR_TABS_BAD_OPTION if its data
   * are not those of such a collection, and with ERR_TABS_CLOSED if the view is closed first.
   */
  readonly ready: Promise<this>;
  /** Whether `ready` has resolved. Before that, reads and writes throw ERR_TABS_NOT_READY. */
  readonly isReady: boolean;
  /** The approximate size of the tab's replica, in bytes: 2 per character of JSON. */
  readonly memory: number;
  /** Ends this view: its watchers end, and it no longer uses the document. Other views are not affected. It can be called twice. */
  close(): Promise<void>;
  /** Deletes the collection for all tabs. Resolves when the host (for a synced collection: the server) has acknowledged the deletion. */
  destroy(): Promise<void>;
  /**
   * Resolves when everything that this tab has written is durable and, with `{at: 'server'}`, acknowledged by the server. Rejects with
   * ERR_TABS_SESSION_ENDED if the host is lost meanwhile.
   */
  flush(options?: {at?: 'host' | 'server'}): Promise<void>;
}

/** A change of a collection. */
export interface ChangeEvent<V> {
  /** 'set': there is a new value. 'delete': the value was removed. */
  type: 'set' | 'delete';
  /** The value before. Missing if there was none. */
  oldValue?: V;
  /** The value now. Missing for 'delete'. */
  newValue?: V;
  /** When this tab showed the change, in ms since the epoch. */
  timestamp: number;
  /** Whether this tab made the change. */
  isLocal: boolean;
  /** The id of the transaction that made the change. */
  transactionId?: string;
}

/** A change of a shared map. */
export interface MapChangeEvent<K, V> extends ChangeEvent<V> {
  /** The key whose value has changed. */
  key: K;
}

/** A change of a shared record. */
export type RecordChangeEvent<T> = {[P in keyof T]: MapChangeEvent<P, T[P]>}[keyof T];

/** A change of a shared array. */
export type ArrayChangeEvent<T> = {
  /** When this tab showed the change, in ms since the epoch. */
  timestamp: number;
  /** Whether this tab made the change. */
  isLocal: boolean;
  /** The id of the transaction that made the change. */
  transactionId?: string;
} & (
  | {
    /** Elements were deleted and inserted at one index. */
    type: 'splice';
    /** The index of the first of them. */
    index: number;
    /** The deleted elements. */
    deleted: T[];
    /** The inserted elements. */
    inserted: T[];
  }
  | {
    /** One element was replaced. */
    type: 'set';
    /** Its index. */
    index: number;
    /** The element before. */
    oldValue: T;
    /** The element now. */
    newValue: T;
  }
  | {
    /** One element was moved. */
    type: 'move';
    /** Its index before. */
    from: number;
    /** Its index now. */
    to: number;
  }
  | {
    /** The whole content was replaced, for example when the document was loaded again. */
    type: 'reset';
    /** All elements before. */
    oldValue: T[];
    /** All elements now. */
    newValue: T[];
  }
);

/** The options of `watch`. */
export interface WatchOptions {
  /** Ends the watching. `next()` rejects once with the signal's reason; then the iterator is done. */
  signal?: AbortSignal | undefined;
  /** Begins with the current content. Default false. */
  immediate?: boolean | undefined;
  /** Leaves out changes of this tab. Default false. */
  remoteOnly?: boolean | undefined;
}
