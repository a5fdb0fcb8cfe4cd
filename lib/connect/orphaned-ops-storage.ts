import {tabLockName} from '../protocol/version.js';
import type {ClearingMark} from './clearing-mark.js';
import type {OrphanedOpsMessage} from '../protocol/messages.js';
import type {Locks} from '../platform/platform.js';

/** Without locks, a tab counts as dead this long after it has left its ops, in ms. */
const SILENT_MS = 60_000;

interface Kept {
  ops: OrphanedOpsMessage;
  /** When they were left, in ms since the epoch. */
  time: number;
  /** The clearing that the tab began after: see {@link ClearingMark}. */
  cleared?: string | undefined;
}

type PageStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/**
 * The ops that a tab had not handed to its host when its page went away. They are written synchronously, because nothing else is sure
 * to be finished then, and the next tab offers them to the host. The host may have got them after all: it knows ops by `src` and `seq`.
 */
export class OrphanedOpsStorage {
  private hasLeft = false;
  private readonly cleared: string | undefined;
  private opened: PageStorage | undefined;

  /** @param open returns the storage. It is called when the storage is needed, because the first access takes a millisecond */
  constructor(
    private readonly namespace: string,
    private readonly tabId: string,
    private readonly locks: Locks | undefined,
    private readonly open: () => PageStorage,
    private readonly mark?: ClearingMark
  ) {
    this.cleared = mark?.read()?.id;
  }

  /** Throws if the user has switched off cookies. */
  private get storage(): PageStorage {
    return (this.opened ??= this.open());
  }

  /** Opens the storage. A page that is closing can't open it any more (WebKit's `DOMWindow::localStorage`). */
  prepare(): void {
    try {
      void this.storage;
    } catch {
      // Then there is none when the page goes away, either.
    }
  }

  /**
   * @param ops undefined if everything has been handed over
   * @returns whether the next tab will find them
   */
  leave(ops: OrphanedOpsMessage | undefined): boolean {
    // The first access to a page's storage is slow. A tab that has left nothing avoids it.
    if (!ops && !this.hasLeft) return false;
    this.hasLeft = !!ops;
    try {
      const {cleared} = this;
      const isToKeep = !!ops && !this.mark?.isOutdated;
      if (isToKeep) this.storage.setItem(this.keyOf(this.tabId), JSON.stringify({ops, time: Date.now(), cleared} satisfies Kept));
      else this.storage.removeItem(this.keyOf(this.tabId));
      return isToKeep;
    } catch {
      // The storage is full or forbidden. The host has all but the last moments.
      return false;
    }
  }

  /** Offers the ops that dead tabs have left. Deletes those that are taken. */
  async offer(take: (ops: OrphanedOpsMessage) => Promise<unknown>): Promise<void> {
    for (const key of this.keys()) {
      const kept = parse(this.storage.getItem(key));
      // They may belong to another user. They must not be sent in this user's name.
      if (!kept || kept.cleared !== this.mark?.read()?.id) this.storage.removeItem(key);
      else if (kept.ops.tabId !== this.tabId) {
        await this.whenDead(kept, async () => {
          await take(kept.ops);
          this.storage.removeItem(key);
        });
      }
    }
  }

  /** Deletes the ops that any tab has left. */
  clear(): void {
    for (const key of this.keys()) this.storage.removeItem(key);
  }

  private keyOf(tabId: string, kind = 'orphaned-ops'): string {
    return `sharedb-tabs:${this.namespace}:${kind}:${tabId}`;
  }

  /** Also finds what a page of protocol 3 has left. Such a page can't read the present form, so the two have different keys. */
  private keys(): string[] {
    const prefixes = [this.keyOf(''), this.keyOf('', 'last-word')];
    const keys = Array.from({length: this.storage.length}, (_, i) => this.storage.key(i)!);
    return keys.filter(key => prefixes.some(prefix => key?.startsWith(prefix)));
  }

  private async whenDead({ops, time}: Kept, act: () => Promise<void>): Promise<void> {
    if (!this.locks) return Date.now() - time > SILENT_MS ? act() : undefined;
    // The tab holds this lock while it lives. Because of the lock, two tabs do not offer the same ops at once.
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
