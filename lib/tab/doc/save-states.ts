import {nextTick} from '../../platform/next-tick.js';
import {isLocal} from '../../protocol/local.js';
import {MAX_UNSAVED_DOCS, type HostStatus} from '../../protocol/host-status.js';

/**
 * What would happen to a document's edits if the browser ended now, from best to worst.
 * - `saved`: the server has the edits.
 * - `local`: the edits are stored, and are sent when the server is reachable.
 * - `unsaved`: the edits would be lost.
 * - `refused`: the server has refused an edit, which is in `deadLetters`.
 */
export type SaveState = 'saved' | 'local' | 'unsaved' | 'refused';

const WORST_LAST: readonly SaveState[] = ['saved', 'local', 'unsaved', 'refused'];

/** The parts of a document that its save state depends on. */
export interface SavingDoc {
  readonly collection: string;
  readonly id: string;
  /** The state of this tab's own edits. */
  readonly ownSaveState: Exclude<SaveState, 'refused'>;
  savedAt: number | undefined;
  emit(event: 'saveState', state: SaveState): unknown;
}

/** Reports each change of a document's save state, and the worst state of all documents. */
export class SaveStates {
  /** The last reported states of documents that are not saved. */
  private readonly emitted = new Map<SavingDoc, SaveState>();
  /** Documents with edits of other tabs that the server has not acknowledged. The host reports only this tab's own acknowledgements. */
  private readonly waiting = new WeakSet<SavingDoc>();
  private emittedForAll: SaveState = 'saved';
  private isScheduled = false;

  constructor(
    private readonly status: () => HostStatus,
    private readonly find: (collection: string, id: string) => SavingDoc | undefined,
    private readonly all: () => SavingDoc[],
    private readonly now: () => number,
    private readonly onChange: (state: SaveState) => void
  ) {}

  of(doc: SavingDoc): SaveState {
    const status = this.status();
    const {ownSaveState} = doc;
    // A full list may be incomplete, so a document that is not in it may have the state of the last one. Those with refused edits come first.
    const entry = status.unsaved?.find(({collection, id}) => collection === doc.collection && id === doc.id) ??
      (isLocal(doc.collection) ? undefined : status.unsaved?.[MAX_UNSAVED_DOCS - 1]);
    if (!entry) return ownSaveState;
    if (entry.refusedOps) return 'refused';
    // The host has the edits of other tabs, so they are as durable as its store.
    return worst(ownSaveState, !entry.pendingOps ? 'saved' : status.durable ? 'local' : 'unsaved');
  }

  get ofAll(): SaveState {
    const {deadLetters, pendingOps, durable} = this.status();
    if (deadLetters) return 'refused';
    let state: SaveState = !pendingOps ? 'saved' : durable ? 'local' : 'unsaved';
    for (const doc of this.emitted.keys()) state = worst(state, doc.ownSaveState);
    return state;
  }

  /** Reports the document's state at once, because it may have a new edit. */
  noteEdit(doc: SavingDoc): void {
    this.emitFor(doc);
    this.emitForAll();
  }

  /** The host has sent a batch. Changes are reported in the next tick, when all of its messages are handled. */
  noteBatch(): void {
    if (this.isScheduled || (!this.emitted.size && this.emittedForAll === 'saved' && this.ofAll === 'saved' && !this.status().unsaved)) return;
    this.isScheduled = true;
    nextTick(() => {
      this.isScheduled = false;
      const {unsaved = []} = this.status();
      const docs = new Set([...this.emitted.keys(), ...(unsaved.length < MAX_UNSAVED_DOCS ? [] : this.all())]);
      for (const {collection, id, pendingOps} of unsaved) {
        const doc = this.find(collection, id);
        if (!doc) continue;
        docs.add(doc);
        if (pendingOps && doc.ownSaveState === 'saved') this.waiting.add(doc);
      }
      for (const doc of docs) this.emitFor(doc);
      this.emitForAll();
    });
  }

  private emitFor(doc: SavingDoc): void {
    const state = this.of(doc);
    const before = this.emitted.get(doc) ?? 'saved';
    if (state === before) return;
    if (state === 'saved') {
      this.emitted.delete(doc);
      if (this.waiting.delete(doc) && before !== 'refused') doc.savedAt = this.now();
    } else {
      this.emitted.set(doc, state);
    }
    doc.emit('saveState', state);
  }

  private emitForAll(): void {
    const state = this.ofAll;
    if (state === this.emittedForAll) return;
    this.emittedForAll = state;
    this.onChange(state);
  }
}

function worst<State extends SaveState>(one: State, other: State): State {
  return WORST_LAST.indexOf(one) > WORST_LAST.indexOf(other) ? one : other;
}
