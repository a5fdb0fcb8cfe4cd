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

/** The number of pairs of a document and an ended tab whose last placed op is kept, because orphaned ops may arrive late. */
const MAX_TAKEN = 1024;
const MAX_REPORTED = 256;

export interface SharedDocsOwner extends Omit<SharedDocOwner, 'onGone' | 'takenFrom' | 'onIdle' | 'onMissingType'> {
  readonly connection: RealConnection;
  /** The connection for local documents. */
  readonly local: RealConnection;
  readonly store: DurableStore | undefined;
  readonly log: HostLog;
  /** A document was released. */
  onReleased(key: DocKey): void;
}

/** The open documents of a host. A document is open from the first request that names it until nothing needs it any more. */
export class SharedDocs {
  private readonly collections = new Map<string, Map<string, SharedDoc>>();
  /** The highest seqs of ended tabs' ops in the histories, by document and tab. */
  private readonly taken = new Map<string, number>();
  /**
   * A number above all revisions of released documents, at which the next histories begin. A tab that was assumed to have ended may return
   * with a revision of the released history, which must not be one of the next history.
   */
  private start = 0;
  /** The unknown types that were reported. Each is reported once. */
  private readonly missingTypes = new Map<string, true>();
  /** The owner of all documents. */
  private readonly docOwner: SharedDocOwner;

  constructor(private readonly owner: SharedDocsOwner) {
    this.docOwner = {
      ...owner,
      onGone: (doc, tab, seq) => this.noteTaken(takenKey(doc, tab), seq),
      takenFrom: (doc, tab) => (this.taken.size ? this.taken.get(takenKey(doc, tab)) ?? 0 : 0),
      onIdle: doc => this.release(doc),
      onMissingType: (_doc, error) => {
        if (this.missingTypes.has(error.message)) return;
        setRecent(this.missingTypes, error.message, true, MAX_REPORTED);
        owner.log.warn(warning('WARN_TABS_TYPE', error.message), (error as {code?: string}).code);
      }
    };
  }

  /** Returns a document. If it is not open, opens it, and restores it if it is stored. */
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
      // A query's results may have given the document a state. The journal needs it to replay ops that are made on it.
      else doc.checkpointState();
    }
    return doc;
  }

  find([c, d]: DocKey): SharedDoc | undefined {
    return this.collections.get(c)?.get(d);
  }

  /** Returns a copy of the list of open documents. */
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
    // Upstream's `destroy` removes the document a tick later, when a tab may have opened it again.
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
