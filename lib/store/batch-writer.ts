import {byDoc, type Queued} from './coalesce.js';
import type {Encryption} from './encryption.js';
import type {HistoryMark} from './history-mark.js';
import type {Places} from './places.js';
import type {Pruning} from './pruning.js';
import type {QuarantineAccess} from './quarantine-access.js';
import {mayBeAboutValues} from './storage-errors.js';
import type {Change, Storage} from './storage.js';
import type {WriteQueue} from './write-queue.js';

/** If this many documents fail one after the other, and none has succeeded, their values are probably not the reason. */
const MAX_APART = 4;

export interface BatchWriterParts {
  storage: Storage;
  epoch: string;
  queue: WriteQueue;
  encryption: Encryption;
  places: Places;
  quarantine: QuarantineAccess;
  pruning: Pruning | undefined;
  history: HistoryMark;
  /** Waits for the storage. Meanwhile, the store counts as failed if the answer takes too long. */
  limited<T>(work: Promise<T>): Promise<T>;
  isClosed(): boolean;
}

/** Writes the batch that is in flight to the storage. */
export class BatchWriter {
  constructor(private readonly parts: BatchWriterParts) {}

  /** @param isLast whether nothing else is queued */
  async write(isLast: boolean): Promise<void> {
    const {queue, pruning, history, quarantine} = this.parts;
    const changes = await this.changesOf(queue.inFlight);
    const mark = history.changeFor(isLast);
    const all = [...changes, ...pruning?.changes() ?? [], ...(mark ? [mark] : [])];
    try {
      await this.writeChanges(all);
    } catch (error) {
      if (!this.mayRetryEach(error)) throw error;
      return this.writeEach(error);
    }
    history.noteWritten(mark);
    pruning?.noteWritten(all);
    quarantine.noteWritten(changes);
  }

  /**
   * Writes each document separately, so that a value that can't be written does not block the others. Documents that fail stay in flight.
   * @param reason the error of the write of all
   * @throws the error of the first document that fails
   */
  private async writeEach(reason: unknown): Promise<void> {
    const {queue, history, quarantine} = this.parts;
    const groups = byDoc(queue.inFlight);
    if (groups.length < 2) throw reason;
    let failure: unknown;
    let failures = 0;
    for (const group of groups) {
      if (failures === MAX_APART) break;
      try {
        const mark = history.changeFor(false);
        const changes = [...await this.changesOf(group), ...(mark ? [mark] : [])];
        await this.writeChanges(changes);
        history.noteWritten(mark);
        quarantine.noteWritten(changes);
        queue.dropFromBatch(group);
        failures = -Infinity;
      } catch (error) {
        if (!this.mayRetryEach(error)) throw error;
        failure ??= error;
        failures++;
      }
    }
    // If nothing is left, only the size of the batch was the reason.
    if (queue.inFlight.length) throw failure;
  }

  private mayRetryEach(error: unknown): boolean {
    return !this.parts.isClosed() && mayBeAboutValues(error);
  }

  private writeChanges(changes: Change[]): Promise<void> {
    const {storage, epoch, limited} = this.parts;
    return limited(storage.write(changes, epoch));
  }

  private async changesOf(batch: readonly Queued[]): Promise<Change[]> {
    const {quarantine, encryption, places, limited} = this.parts;
    const [first] = batch;
    const changes = await (first?.type === 'quarantine' ? limited(quarantine.changesFor(first)) : encryption.encrypted(batch as Change[]));
    return changes.map(change => (change.type === 'meta' ? change : {...change, key: places.keyOf(change.key)}));
  }
}
