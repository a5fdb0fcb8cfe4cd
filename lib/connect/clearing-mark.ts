import {isClearing, isLater, type Beginning, type Clearing} from '../protocol/clearing.js';

/**
 * The mark of a namespace's last clearing. It is in localStorage, so that each tab can read it, including a tab that returns from
 * the back/forward cache. A database that is older than the mark is deleted before it is read. The app may delete the mark with
 * `localStorage.clear()`. The databases keep it, too, so the next tab that a host welcomes writes it again.
 */
export class ClearingMark {
  private readonly key: string;
  /** The beginning of this tab, as it reports it to hosts. */
  readonly own: Readonly<Beginning> & {readonly began: number};

  /**
   * @param open returns the storage. May throw if storage is blocked.
   * @param now the current time, in ms since the epoch
   */
  constructor(namespace: string, private readonly open: () => Pick<Storage, 'getItem' | 'setItem'>, now: number) {
    this.key = `sharedb-tabs:${namespace}:cleared`;
    const cleared = this.read();
    this.own = {cleared, began: cleared?.time ?? now};
  }

  /**
   * Returns the mark; undefined if the namespace was never cleared, the app has deleted the mark, or the storage can't be read.
   * @param text the mark's text, if it was read before
   */
  read(text?: string | null): Clearing | undefined {
    try {
      const mark: unknown = JSON.parse((text ?? this.open().getItem(this.key))!);
      return isClearing(mark) ? mark : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * @param now the current time, in ms since the epoch
   * @returns the new mark, whose time is later than that of the mark before; undefined if it can't be stored
   */
  set(id: string, now: number): Clearing | undefined {
    // A tab that began in this millisecond began before the clearing.
    const mark = {id, time: Math.max(now, this.read()?.time ?? 0) + 1};
    this.merge(mark);
    return this.read()?.id === id ? mark : undefined;
  }

  /**
   * Writes a mark if there is none or an earlier one.
   * @param cleared a clearing that a host, a `storage` event or this tab knows of
   * @returns whether the namespace was cleared after this tab began. Such a tab must close.
   */
  merge(cleared?: Clearing): boolean {
    try {
      if (isLater(cleared, this.read())) this.open().setItem(this.key, JSON.stringify(cleared));
    } catch {
      // Storage is blocked. The databases have the mark.
    }
    return isLater(this.read(), {time: this.own.began});
  }

  /** Returns the mark that another tab has set. When the `storage` event arrives, the app may have deleted the mark already. */
  markIn({key, newValue}: Pick<StorageEvent, 'key' | 'newValue'>): Clearing | undefined {
    return key === this.key ? this.read(newValue) : undefined;
  }
}
