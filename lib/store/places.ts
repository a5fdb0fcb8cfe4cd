import {nameOf} from './coalesce.js';
import type {DocKey, InventoryItem} from './storage.js';

/** The collection of stored values that older builds do not take for documents: the data of quarantined documents, and moved documents. */
export const COLLECTION = 'sharedb-tabs:quarantine';
const NAME = /^place (\d+) of (.*)$/s;

/** A document's stored data, by the number of their place. */
interface Placed {
  key: DocKey;
  place: number;
}

/** What a storage has of the documents. */
interface Located {
  items: InventoryItem[];
  /** Data in other places than the document's, which no entry of the quarantine names. Older builds have written them. */
  unlisted: Placed[];
}

/**
 * The keys under which documents are stored. Usually this is the document's own key, place 0. If stored data can't be read, they can't be
 * moved, and must not be overwritten. So they stay in their place, and the document is stored in the next place from then on.
 */
export class Places {
  /** The places that are not 0, by the names of documents. */
  private readonly numbers = new Map<string, number>();

  /** Returns the key in the storage for a document, or for a result of `placeKey`. */
  keyOf(key: DocKey): DocKey {
    const placed = parse(key);
    if (placed) return placed.place ? key : placed.key;
    const place = this.of(key);
    return place ? placeKey(key, place) : key;
  }

  /** Returns the number of a document's place. */
  of(key: DocKey): number {
    // Usually there are no numbers, and this is called for each change.
    return this.numbers.size ? this.numbers.get(nameOf(key)) ?? 0 : 0;
  }

  /** Stores a document in the next place from now on, unless it has left this place already. */
  leave(key: DocKey, place: number): void {
    if (this.of(key) === place) this.numbers.set(nameOf(key), place + 1);
  }

  /**
   * Finds the places of all documents.
   * @param stored all that is stored, by its keys in the storage
   * @param isQuarantined whether the data in a place are quarantined
   */
  locate(stored: readonly InventoryItem[], isQuarantined: (placed: Placed) => boolean): Located {
    this.numbers.clear();
    const docs = new Map<string, (Placed & {hasPending: boolean})[]>();
    for (const {key, hasPending} of stored) {
      const placed = parse(key) ?? (key[0] === COLLECTION ? undefined : {key, place: 0});
      if (!placed) continue;
      const name = nameOf(placed.key);
      docs.set(name, [...docs.get(name) ?? [], {...placed, hasPending}]);
    }
    const located: Located = {items: [], unlisted: []};
    for (const [name, all] of docs) {
      const [current, ...unlisted] = all.filter(each => !isQuarantined(each)).sort((a, b) => b.place - a.place);
      const place = current?.place ?? Math.max(...all.map(each => each.place)) + 1;
      if (place) this.numbers.set(name, place);
      if (current) located.items.push({key: current.key, hasPending: current.hasPending});
      located.unlisted.push(...unlisted);
    }
    return located;
  }
}

/** The key of a place, also of place 0. */
export const placeKey = (key: DocKey, place: number): DocKey => [COLLECTION, `place ${place} of ${nameOf(key)}`];

function parse([collection, id]: DocKey): Placed | undefined {
  const [, place, name] = (collection === COLLECTION && NAME.exec(id)) || [];
  return name === undefined ? undefined : {key: JSON.parse(name) as DocKey, place: Number(place)};
}
