import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';

interface Query {
  filter?: object;
  sort?: [string, number][];
  /** Returns the number of documents as `extra`, instead of the documents. */
  count?: true;
}

/** The database of ShareDB's own tests, with a query that has `extra`. */
export class CountingMemoryDB extends BasicQueryableMemoryDB {
  _querySync(snapshots: unknown[], query: Query): {snapshots: unknown[]; extra?: number} {
    const result = (BasicQueryableMemoryDB.prototype as unknown as CountingMemoryDB)._querySync.call(this, snapshots, query);
    return query.count ? {snapshots: [], extra: result.snapshots.length} : result;
  }

  override canPollDoc(_collection?: string, query?: Query): boolean {
    return !query?.sort && !query?.count;
  }
}
