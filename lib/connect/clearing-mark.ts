import {isClearing, type Clearing} from '../protocol/clearing.js';

/**
 * The mark of a namespace's last clearing, in localStorage: what is found there is known to every tab, also to one that comes
 * back from the back/forward cache. A database that is older than it is deleted before anything is read from it.
 */
export class ClearingMark {
  private readonly key: string;
  /** The mark when this tab began. */
  readonly own: Clearing | undefined;

  /** @param open the storage; may throw where it is forbidden */
  constructor(namespace: string, private readonly open: () => Pick<Storage, 'getItem' | 'setItem'>) {
    this.key = `sharedb-tabs:${namespace}:cleared`;
    this.own = this.read();
  }

  /** Undefined where the namespace was never cleared, or nobody can know. */
  read(): Clearing | undefined {
    try {
      const mark: unknown = JSON.parse(this.open().getItem(this.key) ?? 'null');
      return isClearing(mark) ? mark : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether the namespace was cleared after this tab began: the tab may not go on. */
  get isOutdated(): boolean {
    return this.read()?.id !== this.own?.id;
  }

  /** @returns the new mark, which is later than the one before; undefined where it can't be kept */
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
   * Calls back when another tab clears the namespace.
   * @returns ends that
   */
  watch(onCleared: () => void): () => void {
    if (typeof window === 'undefined') return () => {};
    const listener = ({key}: StorageEvent): void => { if (key === this.key && this.isOutdated) onCleared(); };
    window.addEventListener('storage', listener);
    return () => window.removeEventListener('storage', listener);
  }
}
