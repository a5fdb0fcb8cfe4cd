import {setRecent} from '../platform/recent.js';

/** How many destroyed documents a tab remembers. Messages for earlier ones have arrived by the time that the tab opens them again. */
const MAX_DESTROYED = 1024;

/** The names of the last documents that a tab has destroyed. Messages of the host for them may still arrive. */
export class DestroyedDocs {
  private readonly names = new Map<string, true>();

  add(collection: string, id: string): void {
    setRecent(this.names, nameOf(collection, id), true, MAX_DESTROYED);
  }

  has(collection: string, id: string): boolean {
    return this.names.size > 0 && this.names.has(nameOf(collection, id));
  }
}

const nameOf = (collection: string, id: string): string => JSON.stringify([collection, id]);
