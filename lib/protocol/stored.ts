/** A document's name: collection and id. */
export type DocKey = readonly [collection: string, id: string];

/** One change of what is stored. All changes of one `write` are made, in their order, or none. */
export type Change =
  /**
   * Adds a record to the end of a document's journal. `n` grows with every record of a document. `isTogether`: a record that is
   * worth nothing without those of other documents beside it.
   */
  | {type: 'append'; key: DocKey; n: number; record: string; isTogether?: true}
  /** Replaces a document's checkpoint and drops its journal up to and with record `n`. */
  | {type: 'checkpoint'; key: DocKey; n: number; checkpoint: string; hasPending: boolean}
  /** Forgets a document. */
  | {type: 'remove'; key: DocKey}
  /** Keeps a small value beside the documents, or forgets it. */
  | {type: 'meta'; name: string; value: string | undefined};

/** What is stored of a document. */
export interface StoredDoc {
  checkpoint: string | undefined;
  /** By ascending `n`. */
  journal: {n: number; record: string}[];
}

/** What a storage knows of a document without reading it. */
export interface InventoryItem {
  key: DocKey;
  /** The document has a journal, or its checkpoint has ops that the server has not acknowledged. */
  hasPending: boolean;
}

/** All that is stored, as it travels. */
export interface SavedContent {
  docs: (StoredDoc & {key: DocKey; hasPending: boolean})[];
  meta: [name: string, value: string][];
}

/** What is stored, in memory: in a host, and in the tabs that mirror it. What the strings say is not looked at. */
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

  /** The length of all that is stored of documents, in characters. */
  get chars(): number {
    return this.charsOfDocs;
  }

  /** The same, of one document. */
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

  /** A copy of nothing: it is to be posted at once. */
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
