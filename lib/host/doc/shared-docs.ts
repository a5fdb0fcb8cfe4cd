import {isLocal} from '../../protocol/local.js';
import {warning} from '../../protocol/warnings.js';
import {setRecent} from '../../platform/recent.js';
import type {DurableStore} from '../../store/durable-store.js';
import type {DocKey} from '../../store/storage.js';
import {DocJournal} from './doc-journal.js';
import type {HostLog} from '../host-log.js';
import {SharedDoc, type SharedDocOwner} from './shared-doc.js';
import type {Tab} from '../tab.js';
import type {RealConnection} from '../upstream.js';

/** For how many ended tabs, per document, the host remembers which ops it took: orphaned ops may arrive late. */
const MAX_TAKEN = 1024;
const MAX_TOLD = 256;

export interface SharedDocsOwner extends Omit<SharedDocOwner, 'onGone' | 'takenFrom' | 'onIdle' | 'onMissingType'> {
  readonly connection: RealConnection;
  /** For local documents. */
  readonly local: RealConnection;
  readonly store: DurableStore | undefined;
  readonly log: HostLog;
  /** A document was released. */
  onReleased(key: DocKey): void;
}

/** The documents that a host has open: each from the first tab that names it until nobody needs it. */
export class SharedDocs {
  private readonly collections = new Map<string, Map<string, SharedDoc>>();
  /** The seqs up to which documents have the ops of tabs that are gone. */
  private readonly taken = new Map<string, number>();
  /**
   * Above all revisions of released documents. The next histories begin here: a tab that was thought dead may
   * return with a revision of the last one, which must not be mistaken for one of the next.
   */
  private start = 0;
  /** The unknown types that were reported. Each is reported once. */
  private readonly missingTypes = new Map<string, true>();
  /** One for all documents. */
  private readonly docOwner: SharedDocOwner;

  constructor(private readonly owner: SharedDocsOwner) {
    this.docOwner = {
      ...owner,
      onGone: (doc, tab, seq) => this.noteTaken(takenKey(doc, tab), seq),
      takenFrom: (doc, tab) => (this.taken.size ? this.taken.get(takenKey(doc, tab)) ?? 0 : 0),
      onIdle: doc => this.release(doc),
      onMissingType: (_doc, error) => {
        if (this.missingTypes.has(error.message)) return;
        setRecent(this.missingTypes, error.message, true, MAX_TOLD);
        owner.log.warn(warning('WARN_TABS_TYPE', error.message), (error as {code?: string}).code);
      }
    };
  }

  /** The document, opened and brought back from the store where that is to be done. */
  get(c: string, d: string): SharedDoc {
    let collection = this.collections.get(c);
    if (!collection) this.collections.set(c, (collection = new Map()));
    let doc = collection.get(d);
    if (!doc) {
      const {connection, local, store, log} = this.owner;
      doc = new SharedDoc((isLocal(c) ? local : connection).get(c, d), this.docOwner, store && new DocJournal(store, [c, d]), this.start);
      collection.set(d, doc);
      const isStored = store?.has([c, d]) === true;
      log.debug('doc', () => `opens ${c}/${d}${isStored ? ', from the store' : ''}`);
      if (isStored) doc.restore();
      // By a query's results: what is made on it can't be replayed without.
      else doc.checkpointState();
    }
    return doc;
  }

  find([c, d]: DocKey): SharedDoc | undefined {
    return this.collections.get(c)?.get(d);
  }

  /** All that are open at this moment. */
  all(): SharedDoc[] {
    return [...this.collections.values()].flatMap(collection => [...collection.values()]);
  }

  private release(doc: SharedDoc): void {
    const collection = this.collections.get(doc.collection);
    if (collection?.get(doc.id) !== doc) return;
    collection.delete(doc.id);
    this.start = Math.max(this.start, doc.rev + 1);
    if (!collection.size) this.collections.delete(doc.collection);
    this.owner.log.debug('doc', () => `lets go of ${doc.collection}/${doc.id}`);
    // Upstream's `destroy` looks a tick later, and then ends what a tab that has opened the document meanwhile counts on.
    doc.doc._wantsDestroy = true;
    doc.doc.connection._destroyDoc(doc.doc);
    // No other client has a local document, so nothing is kept of one that is deleted or was never created.
    if (isLocal(doc.collection) && doc.doc.type === null && !doc.journaled.isLocked) this.owner.store?.remove([doc.collection, doc.id]);
    this.owner.onReleased([doc.collection, doc.id]);
  }

  private noteTaken(key: string, seq: number): void {
    if (seq > (this.taken.get(key) ?? 0)) setRecent(this.taken, key, seq, MAX_TAKEN);
  }
}

const takenKey = ({collection, id}: SharedDoc, tab: Tab): string => JSON.stringify([tab.id, collection, id]);
