import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change, DocKey, InventoryItem, Storage, StoredDoc} from '../../lib/store/storage.js';
import type {SavedContent} from '../../lib/protocol/stored.js';
import type {Lane, Subject} from './agenda.js';
import type {Machine, Process} from './machine.js';

export const DISK = 'the disk';

/** 'unreadable': documents can't be read, and everything else is possible. */
export type DiskState = 'well' | 'full' | 'hanging' | 'failing once' | 'unreadable';

/** What a host asks a disk for. */
type Request = 'write' | 'read' | 'other';

class LegibleStorage extends InMemoryStorage {
  /** All that is stored, as it is. */
  dump(): SavedContent {
    return this.content.save();
  }
}

/** The computer's disk. All hosts use it, one after the other. */
export class Disk {
  state: DiskState = 'well';
  readonly content = new LegibleStorage();

  /** No event of this subject happens while the disk hangs. */
  readonly subject: Subject;

  constructor() {
    const isHanging = (): boolean => this.state === 'hanging';
    this.subject = {name: DISK, get state() { return isHanging() ? 'frozen' : 'running'; }};
  }

  /** @throws the errors of IndexedDB */
  check(request: Request): void {
    if (this.state === 'full' && request === 'write') throw Object.assign(new Error('The disk is full'), {name: 'QuotaExceededError'});
    const isUnreadable = this.state === 'unreadable' && request === 'read';
    if (!isUnreadable && this.state !== 'failing once') return;
    if (!isUnreadable) this.state = 'well';
    throw Object.assign(new Error('The disk has failed'), {name: 'UnknownError'});
  }
}

/** Whether a lane has requests or answers of a disk. */
export function isOfDisk({name}: Lane): boolean {
  return name.startsWith(DISK);
}

/**
 * The disk as one host uses it. The walk decides when a request is done and when it is answered; requests keep their order. If the host
 * dies, chance decides whether a write in progress reaches the disk. The host never gets the answer.
 */
export class CrashingStorage implements Storage {
  readonly isDurable = true;
  private readonly requests: Lane;
  private readonly answers: Lane;

  constructor(private readonly disk: Disk, {agenda}: Machine, process: Process, private readonly look: (change: Change) => void = () => {}) {
    this.requests = agenda.lane(DISK, disk.subject);
    this.answers = agenda.lane(`${DISK} to ${process.name}`, process);
  }

  open(): Promise<void> {
    return this.ask(disk => disk.open());
  }

  claim(epoch: string): Promise<Record<string, string>> {
    return this.ask(disk => disk.claim(epoch));
  }

  write(changes: readonly Change[], epoch: string): Promise<void> {
    changes.forEach(this.look);
    return this.ask(disk => disk.write(changes, epoch), 'write');
  }

  read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return this.ask(disk => disk.read(keys), 'read');
  }

  inventory(): Promise<InventoryItem[]> {
    return this.ask(disk => disk.inventory());
  }

  clear(values: Readonly<Record<string, string>>): Promise<void> {
    return this.ask(disk => disk.clear(values), 'write');
  }

  close(): void {}

  /** The host has died. `chance` decides how much of the requests in progress is done. */
  kill(chance: () => boolean): void {
    while (this.requests.events.length && this.disk.subject.state === 'running' && chance()) {
      const {act} = this.requests.events[0]!;
      this.requests.drop();
      act();
    }
    this.requests.clear();
  }

  private ask<Answer>(work: (disk: InMemoryStorage) => Promise<Answer>, request: Request = 'other'): Promise<Answer> {
    const attempt = async (): Promise<Answer> => {
      this.disk.check(request);
      return work(this.disk.content);
    };
    return new Promise((resolve, reject) => {
      this.requests.add(() => {
        void attempt().then(
          answer => this.answers.add(() => resolve(answer)),
          (error: unknown) => this.answers.add(() => reject(error as Error))
        );
      });
    });
  }
}
