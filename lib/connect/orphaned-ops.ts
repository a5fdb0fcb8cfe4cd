import {tabLockName} from '../protocol/version.js';
import type {ClearingMark} from './clearing-mark.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {Locks} from '../platform/platform.js';

/** Whose owner can't be told to be dead by its lock is taken for dead after so long. */
const SILENT_MS = 60_000;

interface Kept {
  word: OrphanedOpsMessage;
  time: number;
  /** The clearing that the tab began after: see {@link ClearingMark}. */
  cleared?: string | undefined;
}

/**
 * What a tab had not handed to its host when its page went away: written synchronously, as nothing else is
 * sure to be finished then, and offered to the host by the next tab. `src` and `seq` make that harmless
 * where the host had got it after all.
 */
export class OrphanedOps {
  private hasLeft = false;
  private readonly cleared: string | undefined;
  private opened: ReturnType<OrphanedOps['open']> | undefined;

  /** @param open the storage, looked up when it is needed: the first look takes a millisecond */
  constructor(
    private readonly namespace: string,
    private readonly tabId: string,
    private readonly locks: Locks | undefined,
    private readonly open: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>,
    private readonly mark?: ClearingMark
  ) {
    this.cleared = mark?.read()?.id;
  }

  /** Forbidden with cookies switched off. */
  private get storage(): ReturnType<OrphanedOps['open']> {
    return (this.opened ??= this.open());
  }

  /** Opens the storage: a page that is closing is not given it any more (WebKit's `DOMWindow::localStorage`). */
  prepare(): void {
    try {
      void this.storage;
    } catch {
      // Then there is none when the page goes away, either.
    }
  }

  /**
   * @param word undefined where everything has been handed over
   * @returns whether the next tab will find it
   */
  leave(word: OrphanedOpsMessage | undefined): boolean {
    // The first look into a page's storage is slow: a tab that has left nothing does not take it.
    if (!word && !this.hasLeft) return false;
    this.hasLeft = !!word;
    try {
      const {cleared} = this;
      const isToKeep = !!word && !this.mark?.isOutdated;
      if (isToKeep) this.storage.setItem(this.keyOf(this.tabId), JSON.stringify({word, time: Date.now(), cleared} satisfies Kept));
      else this.storage.removeItem(this.keyOf(this.tabId));
      return isToKeep;
    } catch {
      // A full or forbidden storage: the host has all but the last moments.
      return false;
    }
  }

  /** Offers what dead tabs have left; what is taken is forgotten here. */
  async offer(take: (word: OrphanedOpsMessage) => Promise<unknown>): Promise<void> {
    for (const key of this.keys()) {
      const kept = parse(this.storage.getItem(key));
      // Of another user, perhaps: nobody may send it under this one's name.
      if (!kept || kept.cleared !== this.mark?.read()?.id) this.storage.removeItem(key);
      else if (kept.word.tabId !== this.tabId) {
        await this.whenDead(kept, async () => {
          await take(kept.word);
          this.storage.removeItem(key);
        });
      }
    }
  }

  /** Deletes what anybody has left. */
  clear(): void {
    for (const key of this.keys()) this.storage.removeItem(key);
  }

  private keyOf(tabId: string): string {
    return `sharedb-tabs:${this.namespace}:last-word:${tabId}`;
  }

  private keys(): string[] {
    const prefix = this.keyOf('');
    const keys = Array.from({length: this.storage.length}, (_, i) => this.storage.key(i));
    return keys.filter((key): key is string => key !== null && key.startsWith(prefix));
  }

  private async whenDead({word, time}: Kept, act: () => Promise<void>): Promise<void> {
    if (!this.locks) return Date.now() - time > SILENT_MS ? act() : undefined;
    // The lock is held for as long as the tab lives; two tabs do not offer the same at once.
    await this.locks.request(tabLockName(this.namespace, word.tabId), {ifAvailable: true}, lock => (lock ? act() : undefined));
  }
}

function parse(text: string | null): Kept | undefined {
  try {
    const kept = JSON.parse(text ?? '') as Kept;
    return typeof kept.word.tabId === 'string' && Array.isArray(kept.word.docs) ? kept : undefined;
  } catch {
    return undefined;
  }
}
