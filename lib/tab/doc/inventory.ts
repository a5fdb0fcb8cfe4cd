/** The documents that are available without a server. The sets are made on demand, because most apps never need them. */
export class Inventory {
  private readonly sets = new Map<string, ReadonlySet<string>>();

  /** @param known ids by collection */
  constructor(private readonly known: Record<string, string[]> = {}) {}

  has(collection: string, id: string): boolean {
    let ids = this.sets.get(collection);
    if (!ids) this.sets.set(collection, (ids = new Set(Object.hasOwn(this.known, collection) ? this.known[collection] : [])));
    return ids.has(id);
  }
}
