import {StoredContent} from '../protocol/stored.js';
import {FencedError, UnclaimedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc} from './storage.js';

interface Space {
  content: StoredContent;
  epoch: string | undefined;
}

/**
 * Keeps everything in memory: for private windows, for tests, and where nothing may be written to disk.
 * Hosts that follow each other may use the same one; it has one namespace open at a time.
 */
export class InMemoryStorage implements Storage {
  readonly isDurable: boolean = false;
  private readonly spaces = new Map<string, Space>();
  private space: Space = emptySpace();

  /** The content of the open namespace. @internal */
  protected get content(): StoredContent {
    return this.space.content;
  }

  protected set content(content: StoredContent) {
    this.space.content = content;
  }

  async open(namespace = 'default'): Promise<void> {
    let space = this.spaces.get(namespace);
    if (!space) this.spaces.set(namespace, (space = emptySpace()));
    this.space = space;
  }

  async claim(epoch: string): Promise<Record<string, string>> {
    this.space.epoch = epoch;
    return Object.fromEntries(this.content.meta);
  }

  async write(changes: readonly Change[], epoch: string): Promise<void> {
    this.expectClaim(epoch);
    for (const change of changes) this.content.make(change);
  }

  async read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    return keys.map(key => this.content.read(key));
  }

  /** Lists the stored documents, without their content. */
  async inventory(): Promise<InventoryItem[]> {
    return this.content.inventory();
  }

  async clear(): Promise<void> {
    this.content.clear();
    this.space.epoch = undefined;
  }

  close(): void {}

  /** Throws where it is not this epoch that may write. @internal */
  protected expectClaim(epoch: string): void {
    const holder = this.space.epoch;
    if (holder !== epoch) throw holder === undefined ? new UnclaimedError() : new FencedError();
  }
}

const emptySpace = (): Space => ({content: new StoredContent(), epoch: undefined});
