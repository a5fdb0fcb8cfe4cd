import {StoredContent} from '../protocol/stored.js';
import {FencedError, UnclaimedError, type Change, type DocKey, type InventoryItem, type Storage, type StoredDoc} from './storage.js';

interface Space {
  content: StoredContent;
  epoch: string | undefined;
}

/**
 * A storage in memory: for private windows, for tests, and for apps that must not write to the disk. A later host in the same thread may
 * use the same object. Only one namespace is open at a time.
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

  async clear(values: Readonly<Record<string, string>> = {}): Promise<void> {
    this.content.clear();
    for (const [name, value] of Object.entries(values)) this.content.meta.set(name, value);
    this.space.epoch = undefined;
  }

  close(): void {}

  /** @throws FencedError if another epoch has claimed the namespace, UnclaimedError if none has @internal */
  protected expectClaim(epoch: string): void {
    const holder = this.space.epoch;
    if (holder !== epoch) throw holder === undefined ? new UnclaimedError() : new FencedError();
  }
}

const emptySpace = (): Space => ({content: new StoredContent(), epoch: undefined});
