import {tabLockName} from '../protocol/version.js';
import type {ClearingMark} from './clearing-mark.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {Locks} from '../platform/platform.js';

/** Without locks, a tab is assumed to have ended this long after it has saved its ops, in ms. */
const SILENT_MS = 60_000;

interface Kept {
  ops: OrphanedOpsMessage;
  /** When the ops were saved, in ms since the epoch. */
  time: number;
  /** The id of the last clearing before the tab began, and {@link Beginning.began}. */
  cleared?: string | undefined;
  began?: number | undefined;
}

type PageStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/**
 * Saves a tab's orphaned ops in localStorage when its page is unloaded, and offers those of ended tabs to the host. localStorage is
 * synchronous; asynchronous writes may not finish when a page is unloaded. If the host has received some of the ops after all, it
 * recognizes them by `src` and `seq`.
 */
export class OrphanedOpsStorage {
  private hasLeft = false;
  private opened: PageStorage | undefined;

  /** @param open returns the storage. Called when the storage is first needed, because the first access takes a millisecond. */
  constructor(
    private readonly namespace: string,
    private readonly tabId: string,
    private readonly locks: Locks | undefined,
    private readonly open: () => PageStorage,
    private readonly mark?: ClearingMark
  ) {}

  /** @throws SecurityError if the browser blocks storage */
  private get storage(): PageStorage {
    return (this.opened ??= this.open());
  }

  /** Opens the storage in advance. A page that is being closed can't open it any more (WebKit's `DOMWindow::localStorage`). */
  prepare(): void {
    try {
      void this.storage;
    } catch {
      // Storage is blocked. `leave` will fail in the same way.
    }
  }

  /**
   * Saves the tab's orphaned ops, in place of those that it saved before.
   * @param ops undefined if all ops have been handed over
   * @returns whether the ops are saved
   */
  leave(ops: OrphanedOpsMessage | undefined): boolean {
    // The first access to localStorage is slow. A tab that has nothing to save or to remove avoids it.
    if (!ops && !this.hasLeft) return false;
    this.hasLeft = !!ops;
    try {
      const {cleared, began} = this.mark?.own ?? {};
      const isToKeep = !!ops && !this.mark?.merge();
      if (isToKeep) this.storage.setItem(this.keyOf(this.tabId), JSON.stringify({ops, time: Date.now(), cleared: cleared?.id, began} satisfies Kept));
      else this.storage.removeItem(this.keyOf(this.tabId));
      return isToKeep;
    } catch {
      // Storage is full or blocked. Only ops that the host has not received are lost.
      return false;
    }
  }

  /**
   * Offers the ops of tabs that have ended, and deletes those that are accepted.
   * @param take hands ops over to the host. Rejects if the host has not accepted them; then they stay. If missing, this only deletes ops from
   *   before the last clearing.
   */
  async offer(take?: (ops: OrphanedOpsMessage) => Promise<unknown>): Promise<void> {
    const last = this.mark?.read();
    for (const key of this.keys()) {
      const kept = parse(this.storage.getItem(key));
      // Ops from before a sign-out may be another user's, and must not be sent with this user's credentials.
      if (!kept || (last && kept.cleared !== last.id && !(kept.began! >= last.time))) this.storage.removeItem(key);
      else if (take && kept.ops.tabId !== this.tabId) {
        await this.whenDead(kept, async () => {
          await take(kept.ops);
          this.storage.removeItem(key);
        });
      }
    }
  }

  /** Deletes the saved ops of all tabs. */
  clear(): void {
    for (const key of this.keys()) this.storage.removeItem(key);
  }

  private keyOf(tabId: string, kind = 'orphaned-ops'): string {
    return `sharedb-tabs:${this.namespace}:${kind}:${tabId}`;
  }

  /** Returns the keys of all saved ops. A page of protocol 3 uses keys of its own, because it can't read the present form. */
  private keys(): string[] {
    const prefixes = [this.keyOf(''), this.keyOf('', 'last-word')];
    const keys = Array.from({length: this.storage.length}, (_, i) => this.storage.key(i)!);
    return keys.filter(key => prefixes.some(prefix => key?.startsWith(prefix)));
  }

  private async whenDead({ops, time}: Kept, act: () => Promise<void>): Promise<void> {
    if (!this.locks) return Date.now() - time > SILENT_MS ? act() : undefined;
    // A running tab holds this lock. The lock also prevents two tabs from offering the same ops at once.
    await this.locks.request(tabLockName(this.namespace, ops.tabId), {ifAvailable: true}, lock => (lock ? act() : undefined));
  }
}

function parse(text: string | null): Kept | undefined {
  try {
    const {word, ops = word!, ...rest} = JSON.parse(text ?? '') as Kept & {word?: OrphanedOpsMessage};
    return typeof ops.tabId === 'string' && Array.isArray(ops.docs) ? {ops, ...rest} : undefined;
  } catch {
    return undefined;
  }
}
