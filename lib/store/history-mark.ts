import type {Change} from './storage.js';

/** The name of the small value that has the id. */
const NAME = 'lineage';

/**
 * The id of the histories in a store. All hosts that continue these histories have the same id. A host writes its id together with the last
 * queued change of its histories. While the storage contains documents of two histories, it has an id that no tab knows. Otherwise a tab
 * could mistake the next host's history for its own.
 */
export class HistoryMark {
  /** The id of the host's histories. Empty until the storage is open or has failed. */
  id = '';
  private stored: string | undefined;

  constructor(private readonly epoch: string) {}

  /** The storage is open. @returns whether it has no histories */
  noteStored(meta: Record<string, string>): boolean {
    this.stored = meta[NAME];
    return this.stored === undefined;
  }

  /** The host continues the stored histories. */
  continue(): void {
    this.id = this.stored ?? this.epoch;
  }

  /** The host begins its own histories, unless it already has some. */
  begin(): void {
    this.id ||= this.epoch;
  }

  /** @param isLast whether the storage has all documents of the histories after the batch. @returns the change to write with a batch */
  changeFor(isLast: boolean): Change | undefined {
    const id = isLast ? this.id : `${this.epoch}/unfinished`;
    return this.stored === this.id || this.stored === id ? undefined : {type: 'meta', name: NAME, value: id};
  }

  noteWritten(change: Change | undefined): void {
    if (change?.type === 'meta') this.stored = change.value;
  }
}
