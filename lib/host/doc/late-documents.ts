import {identityName} from '../../ot/rebase.js';
import {isSame} from '../../ot/same.js';
import {encodeError} from '../../protocol/errors.js';
import {isLocal} from '../../protocol/local.js';
import type {Origins} from '../../ot/history-entry.js';
import {stepOf} from '../../ot/step.js';
import {RetrySchedule} from '../../platform/retry-schedule.js';
import type {Clock} from '../../platform/platform.js';
import type {DurableStore} from '../../store/durable-store.js';
import type {QuarantineEntry} from '../../store/quarantine.js';
import type {DocKey, StoredDoc} from '../../store/storage.js';
import type {DeadLetters} from '../letters/dead-letters.js';
import {parseStored} from './doc-journal.js';
import {opsSince, type ServerStep} from '../letters/ops-since.js';
import type {SharedDoc} from './shared-doc.js';
import type {SharedDocs} from './shared-docs.js';
import {originsOf} from './real-ops.js';
import {rebaseStoredOps, readStoredOps, type LaterOp, type StoredOps, type StoredStep} from './stored-ops.js';

/** How often the host tries to merge the stored ops of a document that changes meanwhile. */
const MAX_ROUNDS = 8;
/** How often the server may fail to return the ops. One failure may be a lost connection. */
const MAX_MISSES = 2;
/** How often the host waits for a tab that has sent stored ops again. With the longest pause of 30 s, this takes some minutes. */
const MAX_WAITS = 16;
const SUPERSEDED = 'ERR_TABS_STORAGE_SUPERSEDED';
const NOT_MERGED = 'The document was edited while its stored data could not be read, and the stored edits can\'t be transformed: ';

export interface LateDocumentsParts {
  readonly store: DurableStore;
  readonly docs: SharedDocs;
  readonly letters: DeadLetters;
  readonly clock: Clock;
}

/**
 * Handles stored documents that could be read only after tabs had opened them, because the storage opened late, or a read failed. A document
 * without a state is restored. If the document is in use, the stored data are first quarantined, so that nothing can be lost. Then the unsent
 * ops in them are rebased to the present state, if the server still has the ops since the state that they were made on. The commit that
 * writes the ops also ends the quarantine. Ops that can't be merged stay quarantined, with the reason. Data that can't be read are tried
 * again after growing pauses.
 */
export class LateDocuments {
  /** The ids of the quarantined entries that are being merged or could not be merged. */
  private readonly tried = new Set<string>();
  /** How often the host has waited for a tab that has sent an entry's ops again, by the entry's id. */
  private readonly waits = new Map<string, number>();
  private readonly retry: RetrySchedule;
  private readonly store: DurableStore;
  private readonly docs: SharedDocs;
  private readonly letters: DeadLetters;

  constructor({store, docs, letters, clock}: LateDocumentsParts) {
    this.store = store;
    this.docs = docs;
    this.letters = letters;
    this.retry = new RetrySchedule(() => clock, () => void this.useUnread());
  }

  /** Opens stored documents with unsent ops, restores open documents without a state, and quarantines the stored data of the others. */
  takeUp(): void {
    for (const key of this.store.pendingDocs()) if (!this.docs.find(key)) this.docs.get(...key);
    for (const doc of this.docs.all()) {
      const key: DocKey = [doc.collection, doc.id];
      if (!this.store.isUnread(key) || doc.isUnsettled) continue;
      if (doc.isBlank) doc.restore();
      else this.store.quarantine.supersede(key);
    }
  }

  /** Reads the quarantined documents that could not be read before, and restores or merges them. A host tries to merge each entry once. */
  async useUnread(): Promise<void> {
    const untried = this.store.quarantine.list().filter(({id, isUnread, error}) => (isUnread ?? error.code === SUPERSEDED) && !this.tried.has(id));
    const outcomes = await Promise.all(untried.map(async entry => {
      this.tried.add(entry.id);
      return this.useOne(entry);
    }));
    if (outcomes.includes(false)) this.retry.schedule();
  }

  /** Ends the attempts to read. */
  stop(): void {
    this.retry.cancel();
  }

  /** @returns whether the entry could be read */
  private async useOne({id, key}: QuarantineEntry): Promise<boolean> {
    const {store: {quarantine}} = this;
    try {
      const taken = await quarantine.read(id);
      if (!taken) return true;
      if (!this.store.has(key) && this.docs.find(key)?.isBlank !== false) {
        await quarantine.restore(id);
        this.takeUp();
      } else if (!isLocal(key[0])) {
        // No server has the ops of a local document since, so its stored ops can't be rebased.
        this.mergeOne(id, key, taken).catch((reason: unknown) => this.explain(id, reason));
      }
      return true;
    } catch {
      this.tried.delete(id);
      return false;
    }
  }

  private async mergeOne(id: string, key: DocKey, taken: StoredDoc): Promise<void> {
    const stored = readStoredOps(key, parseStored(taken));
    if (!stored.ops.length) return this.store.quarantine.discard(id);
    const shared = this.docs.get(...key);
    shared.retain();
    try {
      await this.rebaseAndPlace(shared, id, stored);
    } finally {
      shared.release();
    }
  }

  /** Merges the stored ops of an entry. */
  private async rebaseAndPlace(shared: SharedDoc, id: string, stored: StoredOps): Promise<void> {
    const {doc} = shared;
    let misses = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await new Promise<void>(resolve => shared.whenSettled(resolve));
      // The document needs the server's state first. This waits for a connection.
      await new Promise<void>((resolve, reject) => doc.fetch(error => (error ? reject(error) : resolve())));
      const since = stored.v === doc.version ? [] : await opsSince(doc, stored.v);
      if (!since && ++misses < MAX_MISSES) continue;
      if (!since || doc.version === null || doc.version < stored.v) {
        throw new Error('The server no longer has the ops since the version that they were made at, or has another database');
      }
      // From here on, everything happens in one turn, so that the document does not change after this check.
      if (shared.isUnsettled || doc.version !== stored.v + since.length) continue;
      const letters = this.lettersOf(shared, stored);
      const later = laterOps(shared, since);
      const isPlaced = areAllPlaced(stored, later, shared, letters);
      shared.merge(isPlaced ? [] : rebaseStoredOps(stored, later, doc.type));
      this.store.quarantine.discard(id);
      // If the ops are not merged, their letters are the only copy.
      if (!isPlaced) for (const letter of letters.values()) this.letters.discard(letter);
      return;
    }
    throw new Error('The document changes too often');
  }

  private explain(id: string, reason: unknown): void {
    const waits = this.waits.get(id) ?? 0;
    if (reason instanceof Undecided && waits < MAX_WAITS) {
      this.waits.set(id, waits + 1);
      this.tried.delete(id);
      this.retry.schedule();
    }
    this.store.quarantine.explain(id, {code: SUPERSEDED, message: NOT_MERGED + encodeError(reason).message});
  }

  /** Returns the ids of the letters of stored ops that their tabs have given up, because this host did not have the ops yet. */
  private lettersOf({collection: c, id: d}: SharedDoc, {ops}: StoredOps): Map<StoredStep, string> {
    const letters = this.letters.list().filter(({collection, doc, error}) => collection === c && doc === d && error.code === 'ERR_TABS_OP_LOST');
    const found = new Map<StoredStep, string>();
    for (const op of ops) {
      const i = letters.findIndex(({id, step}) => op.origins.some(([owner]) => id.startsWith(`${owner}/`)) && isSame(step, op.step));
      // Equal ops have one letter each.
      for (const letter of i < 0 ? [] : letters.splice(i, 1)) found.set(op, letter.id);
    }
    return found;
  }
}

/** Returns the server's ops and then the pending ops, with the tabs' ops that they contain as far as they are known. */
function laterOps({doc, placed}: SharedDoc, since: readonly ServerStep[]): LaterOp[] {
  const known = placed.byIdentity();
  const pending = [doc.inflightOp, ...doc.pendingOps].flatMap(op => (op ? [{step: stepOf(op), src: op.src, seq: op.seq, origins: originsOf(op)}] : []));
  const ofServer = since.map(op => ({
    ...op, origins: (op.src !== undefined && op.seq !== undefined && known.get(identityName([op.src, op.seq]))) || []
  }));
  return [...ofServer, ...pending];
}

/**
 * Returns whether nothing has to be merged: this host's history has all of the ops, or had them or refused them when their tabs sent
 * them again.
 * @param letters the ops that their tabs have given up
 * @throws Undecided if a tab has sent an op that is not placed yet
 * @throws Error if this is unknown
 */
function areAllPlaced({ops}: StoredOps, later: readonly LaterOp[], shared: SharedDoc, letters: ReadonlyMap<StoredStep, string>): boolean {
  const {placed} = shared;
  const present = new Set(later.flatMap(({origins}) => origins.map(identityName)));
  const noted = new Set([...placed.byIdentity().values()].flat().map(identityName));
  const stateOf = (origin: Origins[number]): 'present' | 'refused' | 'awaited' | 'missing' | 'unknown' => {
    const name = identityName(origin);
    const hasPlaced = shared.hasPlaced(...origin);
    if (present.has(name)) return 'present';
    if (noted.has(name) || hasPlaced) return 'refused';
    if (shared.awaits(...origin)) return 'awaited';
    return placed.isComplete || hasPlaced === false ? 'missing' : 'unknown';
  };
  const states = new Set(ops.filter(op => !letters.has(op)).flatMap(({origins}) => origins.map(stateOf)));
  if (states.has('awaited')) throw new Undecided('A tab has sent some of them again, and they are not placed yet');
  const isSplit = states.has('missing') && states.size > 1;
  if (states.has('unknown') || (isSplit && !placed.isComplete)) throw new Error('The tab that made them may have sent some of them again');
  if (isSplit && states.has('refused')) throw new Error('Some of them were refused');
  return states.size > 0 && !states.has('missing');
}

/** It is not known yet whether stored ops are to be merged. */
class Undecided extends Error {}
