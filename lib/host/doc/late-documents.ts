import {isSame} from '../../ot/same.js';
import {encodeError} from '../../protocol/errors.js';
import {isLocal} from '../../protocol/local.js';
import {stepOf} from '../../ot/step.js';
import type {DurableStore} from '../../store/durable-store.js';
import type {DocKey} from '../../store/storage.js';
import type {DeadLetters} from '../letters/dead-letters.js';
import {parseStored} from './doc-journal.js';
import {opsSince, type ServerStep} from '../letters/ops-since.js';
import type {SharedDoc} from './shared-doc.js';
import type {SharedDocs} from './shared-docs.js';
import {carryStoredOps, readStoredOps, type StoredOps} from './stored-ops.js';

/** How often the host tries to merge the stored ops of a document that changes in the meantime. */
const MAX_LOOKS = 8;
/** How often the server may fail to return the ops. One failure may be a lost connection. */
const MAX_MISSES = 2;
const SUPERSEDED = 'ERR_TABS_STORAGE_SUPERSEDED';
const NOT_MERGED = 'The document was edited while its stored data could not be read, and the stored edits can\'t be transformed: ';

/**
 * Stored documents that could be read only after tabs had opened them, since the storage was late. One that nothing is known of here
 * yet is restored. If the document is in use here, the stored data are quarantined first, so that nothing can be lost; then the ops
 * in it that the server has not got are made on the present state, if the server still has the ops since the state that they were
 * made on. The commit that writes the ops also ends the quarantine. What can't be merged stays there, with the reason.
 */
export class LateDocuments {
  /** The entries of the quarantine that are being merged, or can't be. */
  private readonly tried = new Set<string>();

  constructor(private readonly store: DurableStore, private readonly docs: SharedDocs, private readonly letters: DeadLetters) {}

  /** Opens what has something to send, and restores what is open without a state. */
  takeUp(): void {
    for (const key of this.store.pendingDocs()) if (!this.docs.find(key)) this.docs.get(...key);
    for (const doc of this.docs.all()) {
      const key: DocKey = [doc.collection, doc.id];
      if (!this.store.isUnread(key) || doc.isUnsettled) continue;
      if (doc.isBlank) doc.restore();
      else this.store.quarantine.supersede(key);
    }
  }

  /** Tries all that has been quarantined for this reason, once each in a host's life. */
  merge(): void {
    for (const {id, key, error} of this.store.quarantine.list()) {
      // The stored data of a local document were the only copy: no server has the ops since.
      if (error.code !== SUPERSEDED || isLocal(key[0]) || this.tried.has(id)) continue;
      this.tried.add(id);
      this.mergeOne(id, key).catch((reason: unknown) => this.explain(id, reason));
    }
  }

  private async mergeOne(id: string, key: DocKey): Promise<void> {
    const taken = await this.store.quarantine.read(id);
    if (!taken) return;
    const stored = readStoredOps(key, parseStored(taken));
    if (!stored.ops.length) return this.store.quarantine.discard(id);
    const shared = this.docs.get(...key);
    shared.retain();
    try {
      await this.carry(shared, stored, () => {
        this.store.quarantine.discard(id);
        this.forgetLetters(key, stored);
      });
    } finally {
      shared.release();
    }
  }

  /** @param onMerged called in the turn in which the ops have their places */
  private async carry(shared: SharedDoc, stored: StoredOps, onMerged: () => void): Promise<void> {
    const {doc} = shared;
    let misses = 0;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      await new Promise<void>(resolve => shared.whenSettled(resolve));
      // The state is to be the server's first. Without a connection, this waits for one.
      await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error) : resolve())));
      const since = stored.v === doc.version ? [] : await opsSince(doc, stored.v);
      if (!since && ++misses < MAX_MISSES) continue;
      if (!since || doc.version === null || doc.version < stored.v) {
        throw new Error('The server no longer has the ops since the version that they were made at, or has another database');
      }
      // From here to the end in one turn: what was found out has to be true of the document as it is.
      if (shared.isUnsettled || doc.version !== stored.v + since.length) continue;
      const pending = [doc.inflightOp, ...doc.pendingOps].flatMap((op): ServerStep[] => (op ? [{step: stepOf(op), src: op.src, seq: op.seq}] : []));
      shared.merge(shared.haveTabsSent(stored) ? [] : carryStoredOps(stored, [...since, ...pending], doc.type));
      return onMerged();
    }
    throw new Error('The document changes too often');
  }

  private explain(id: string, reason: unknown): void {
    this.store.quarantine.explain(id, {code: SUPERSEDED, message: NOT_MERGED + encodeError(reason).message});
  }

  /** A tab that had made an op has given it up when it met this host, which did not know of it yet. */
  private forgetLetters([c, d]: DocKey, {ops}: StoredOps): void {
    for (const {step, origins} of ops) {
      const letter = this.letters.list().find(({id, collection, doc, step: lost, error}) =>
        collection === c && doc === d && error.code === 'ERR_TABS_OP_LOST' && origins.some(([owner]) => id.startsWith(`${owner}/`)) && isSame(lost, step));
      if (letter) this.letters.discard(letter.id);
    }
  }
}
