/** The name of a document: its collection and id. */
export type DocKey = readonly [collection: string, id: string];

/** One change to the store. One `write` applies all its changes in order, or none. */
export type Change =
  /**
   * Adds a record to the end of a document's journal. `n` rises with every record of a document. `isTogether` marks a record that
   * is only valid together with records of other documents.
   */
  | {
    /** The kind of change. */
    type: 'append';
    /** The document. */
    key: DocKey;
    /** The record's number. */
    n: number;
    /** The record, as text that the storage does not parse. */
    record: string;
    /** The record is only valid with records of other documents. */
    isTogether?: true;
  }
  /** Replaces a document's checkpoint and drops its journal up to and including record `n`. */
  | {
    /** The kind of change. */
    type: 'checkpoint';
    /** The document. */
    key: DocKey;
    /** The last record that the checkpoint contains. */
    n: number;
    /** The checkpoint, as text that the storage does not parse. */
    checkpoint: string;
    /** The checkpoint contains ops that the server has not acknowledged. */
    hasPending: boolean;
  }
  /** Deletes a document. */
  | {
    /** The kind of change. */
    type: 'remove';
    /** The document. */
    key: DocKey;
  }
  /** Sets a small value that belongs to no document, or deletes it. */
  | {
    /** The kind of change. */
    type: 'meta';
    /** The value's name. */
    name: string;
    /** The value; undefined deletes it. */
    value: string | undefined;
  };

/** The stored form of a document. */
export interface StoredDoc {
  /** The last checkpoint; undefined if there is none. */
  checkpoint: string | undefined;
  /** By ascending `n`. */
  journal: {
    /** The record's number. */
    n: number;
    /** The record, as it was appended. */
    record: string;
  }[];
}

/** An entry in a storage's list of documents. It has no content. */
export interface InventoryItem {
  /** The document. */
  key: DocKey;
  /** The document has a journal, or its checkpoint contains ops that the server has not acknowledged. */
  hasPending: boolean;
}

/** The whole content of a store, in a form that can be posted. */
export interface SavedContent {
  docs: (StoredDoc & {key: DocKey; hasPending: boolean})[];
  meta: [name: string, value: string][];
}

/** The content of a store in memory. Hosts without a store use it, and the tabs that mirror them. It does not parse the strings. */
export class StoredContent {
  readonly meta = new Map<string, string>();
  private readonly docs = new Map<string, SavedContent['docs'][number]>();
  private charsOfDocs = 0;

  constructor({docs, meta}: SavedContent = {docs: [], meta: []}) {
    for (const doc of docs) {
      this.docs.set(nameOf(doc.key), {...doc, journal: [...doc.journal]});
      this.charsOfDocs += charsOf(doc);
    }
    for (const [name, value] of meta) this.meta.set(name, value);
  }

  /** The length of all stored documents, in characters. */
  get chars(): number {
    return this.charsOfDocs;
  }

  /** The length of one stored document, in characters. */
  charsOf(key: DocKey): number {
    const doc = this.docs.get(nameOf(key));
    return doc ? charsOf(doc) : 0;
  }

  make(change: Change): void {
    switch (change.type) {
      case 'append': {
        const {journal} = this.doc(change.key);
        const at = journal.findLastIndex(({n}) => n <= change.n);
        const isThere = journal[at]?.n === change.n;
        this.charsOfDocs += change.record.length - (isThere ? journal[at]!.record.length : 0);
        journal.splice(isThere ? at : at + 1, isThere ? 1 : 0, {n: change.n, record: change.record});
        return;
      }
      case 'checkpoint': {
        const doc = this.doc(change.key);
        this.charsOfDocs -= charsOf(doc);
        doc.checkpoint = change.checkpoint;
        doc.hasPending = change.hasPending;
        doc.journal = doc.journal.filter(({n}) => n > change.n);
        this.charsOfDocs += charsOf(doc);
        return;
      }
      case 'remove':
        this.charsOfDocs -= this.charsOf(change.key);
        this.docs.delete(nameOf(change.key));
        return;
      case 'meta':
        if (change.value === undefined) this.meta.delete(change.name);
        else this.meta.set(change.name, change.value);
        return;
      default:
        change satisfies never;
    }
  }

  read(key: DocKey): StoredDoc {
    const doc = this.docs.get(nameOf(key));
    return {checkpoint: doc?.checkpoint, journal: doc ? [...doc.journal] : []};
  }

  inventory(): InventoryItem[] {
    return [...this.docs.values()].map(({key, hasPending, journal}) => ({key, hasPending: hasPending || journal.length > 0}));
  }

  /** Returns the internal objects and no copy: the caller must post the result in the same turn. */
  save(): SavedContent {
    return {docs: [...this.docs.values()], meta: [...this.meta]};
  }

  clear(): void {
    this.docs.clear();
    this.meta.clear();
    this.charsOfDocs = 0;
  }

  private doc(key: DocKey): SavedContent['docs'][number] {
    const name = nameOf(key);
    let doc = this.docs.get(name);
    if (!doc) this.docs.set(name, (doc = {key, checkpoint: undefined, hasPending: false, journal: []}));
    return doc;
  }
}

const nameOf = (key: DocKey): string => JSON.stringify(key);

function charsOf({checkpoint, journal}: StoredDoc): number {
  return journal.reduce((sum, {record}) => sum + record.length, checkpoint?.length ?? 0);
}
