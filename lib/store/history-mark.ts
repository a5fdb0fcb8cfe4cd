import type {Change} from './storage.js';

/** The name of the small value. */
const NAME = 'lineage';

/**
 * The id of the histories in a store: the same for all hosts that continue them. The storage gets it with the last document of these
 * histories. While documents of two histories are stored together, the storage has an id that no tab knows. Otherwise a tab could not tell
 * that the next host's history is not its own.
 */
export class HistoryMark {
  /** The id of the host's histories. Empty until the storage is open, or is known to fail. */
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

  /** The host begins histories of its own, unless it has some. */
  begin(): void {
    this.id ||= this.epoch;
  }

  /** @returns what has to be written with a batch. @param isLast whether the storage then has all documents of the histories */
  changeFor(isLast: boolean): Change | undefined {
    const id = isLast ? this.id : `${this.epoch}/unfinished`;
    return this.stored === this.id || this.stored === id ? undefined : {type: 'meta', name: NAME, value: id};
  }

  noteWritten(change: Change | undefined): void {
    if (change?.type === 'meta') this.stored = change.value;
  }
}
