import type {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change, DocKey, InventoryItem, Storage, StoredDoc} from '../../lib/store/storage.js';
import type {Lane} from './agenda.js';
import type {Machine, Process} from './machine.js';

const DISK = 'the disk';

/** Whether a disk has something to do, or to answer. */
export function isOfDisk({name}: Lane): boolean {
  return name.startsWith(DISK);
}

/**
 * A disk as one host sees it. What it asks for is done in its order, and answered, when the walk says so. When
 * the host dies, a write under way is on the disk or not, as chance has it, and the host never hears of it.
 */
export class CrashingStorage implements Storage {
  readonly isDurable = true;
  private readonly requests: Lane;
  private readonly answers: Lane;

  constructor(private readonly disk: InMemoryStorage, {agenda}: Machine, process: Process) {
    this.requests = agenda.lane(DISK);
    this.answers = agenda.lane(`${DISK} to ${process.name}`, process);
  }

  open(): Promise<void> {
    return this.ask(() => this.disk.open());
  }

  claim(epoch: string): Promise<Record<string, string>> {
    return this.ask(() => this.disk.claim(epoch));
  }

  write(changes: readonly Change[], epoch: string): Promise<void> {
    return this.ask(() => this.disk.write(changes, epoch));
  }

  read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.ask(() => this.disk.read(keys));
  }

  inventory(): Promise<InventoryItem[]> {
    return this.ask(() => this.disk.inventory());
  }

  clear(): Promise<void> {
    return this.ask(() => this.disk.clear());
  }

  close(): void {}

  /** The host is gone: of what is under way, so much is done that `chance` wants. */
  kill(chance: () => boolean): void {
    while (this.requests.events.length && chance()) {
      const {act} = this.requests.events[0]!;
      this.requests.drop();
      act();
    }
    this.requests.clear();
  }

  private ask<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.requests.add(() => {
        void work().then(
          answer => this.answers.add(() => resolve(answer)),
          (error: unknown) => this.answers.add(() => reject(error as Error))
        );
      });
    });
  }
}
