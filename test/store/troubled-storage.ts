import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change, DocKey, InventoryItem, Storage, StoredDoc} from '../../lib/store/storage.js';

type Act = 'open' | 'claim' | 'write' | 'read' | 'inventory';

/** A memory storage that fails or does not answer when the test decides. */
export class TroubledStorage implements Storage {
  readonly isDurable = true;
  onLost: Storage['onLost'];
  onBlocked: Storage['onBlocked'];
  /** All writes, accepted or refused, in order. */
  readonly writes: (readonly Change[])[] = [];
  readonly reads: (readonly DocKey[])[] = [];
  closings = 0;
  private readonly errors = new Map<Act, unknown>();
  private held: (() => void)[] | undefined;

  constructor(readonly disk = new InMemoryStorage()) {}

  /** From now on this action fails. Without an error it works again. */
  fail(act: Act, error?: unknown): void {
    if (error === undefined) this.errors.delete(act);
    else this.errors.set(act, error);
  }

  /** From now on no request is answered until `release`. */
  hold(): void {
    this.held ??= [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const go of held) go();
  }

  open(namespace: string): Promise<void> {
    return this.act('open', () => this.disk.open(namespace));
  }

  claim(epoch: string): Promise<Record<string, string>> {
    return this.act('claim', () => this.disk.claim(epoch));
  }

  write(changes: readonly Change[], epoch: string): Promise<void> {
    this.writes.push(changes);
    return this.act('write', () => this.disk.write(changes, epoch));
  }

  read(keys: readonly DocKey[]): Promise<StoredDoc[]> {
    this.reads.push(keys);
    return this.act('read', () => this.disk.read(keys));
  }

  inventory(): Promise<InventoryItem[]> {
    return this.act('inventory', () => this.disk.inventory());
  }

  clear(values?: Readonly<Record<string, string>>): Promise<void> {
    return this.disk.clear(values);
  }

  close(): void {
    this.closings++;
  }

  private async act<T>(name: Act, work: () => Promise<T>): Promise<T> {
    await Promise.resolve();
    if (this.held) await new Promise<void>(resolve => { this.held!.push(resolve); });
    if (this.errors.has(name)) throw this.errors.get(name);
    return work();
  }
}

export function quotaExceeded(): DOMException {
  return new DOMException('The quota has been exceeded.', 'QuotaExceededError');
}
