import {isClearing, type Clearing} from '../protocol/clearing.js';

/**
 * The mark of a namespace's last clearing. It is in localStorage, so that each tab can read it, including a tab that returns from
 * the back/forward cache. A database that is older than the mark is deleted before it is read.
 */
export class ClearingMark {
  private readonly key: string;
  /** The mark when this tab started. */
  readonly own: Clearing | undefined;

  /** @param open returns the storage. May throw if storage is blocked. */
  constructor(namespace: string, private readonly open: () => Pick<Storage, 'getItem' | 'setItem'>) {
    this.key = `sharedb-tabs:${namespace}:cleared`;
    this.own = this.read();
  }

  /** Returns the mark; undefined if the namespace was never cleared or the storage can't be read. */
  read(): Clearing | undefined {
    try {
      const mark: unknown = JSON.parse(this.open().getItem(this.key) ?? 'null');
      return isClearing(mark) ? mark : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether the namespace was cleared after this tab started. Such a tab must close. */
  get isOutdated(): boolean {
    return this.read()?.id !== this.own?.id;
  }

  /**
   * @param time the current time, in ms since the epoch
   * @returns the new mark, whose time is later than that of the mark before; undefined if it can't be stored
   */
  set(id: string, time: number): Clearing | undefined {
    const mark: Clearing = {id, time: Math.max(time, (this.read()?.time ?? 0) + 1)};
    try {
      this.open().setItem(this.key, JSON.stringify(mark));
      return mark;
    } catch {
      return undefined;
    }
  }

  /**
   * Calls `onCleared` when another tab clears the namespace.
   * @returns a function that removes the listener
   */
  watch(onCleared: () => void): () => void {
    if (typeof window === 'undefined') return () => {};
    const listener = ({key}: StorageEvent): void => { if (key === this.key && this.isOutdated) onCleared(); };
    window.addEventListener('storage', listener);
    return () => window.removeEventListener('storage', listener);
  }
}
