import type pg from 'pg';
import PostgresDB, {type Callback, type Op, type Snapshot} from 'sharedb-postgres';

/** A query of this deployment: the documents whose ids begin with the prefix. */
export interface PrefixQuery {
  prefix: string;
}

interface Row {
  doc_id: string;
  version: number;
  doc_type: string | null;
  data: unknown;
  metadata: unknown;
}

const UNIQUE_VIOLATION = '23505';
/** SQLSTATE: "connection failure" */
const CONNECTION_FAILURE = '08006';

/**
 * sharedb-postgres, with repairs:
 * - An empty text, `0` and `false` are read as what they are; the adapter gives `undefined`, which takes the document's data away.
 * - Errors of a lost connection have a code. The driver gives some none, and an error without a code is a refusal for clients.
 * - Documents are read many at once, and an op is found by its author without reading the whole log.
 * - Text with halves of surrogate pairs can be stored: see `schema.sql`.
 * - A query for documents by the prefix of their id.
 */
export class NotesDb extends PostgresDB {
  constructor(options: pg.PoolConfig, log: (message: string, error: Error) => void) {
    super({max: 10, connectionTimeoutMillis: 5000, keepAlive: true, ...options});
    // Without a listener, an idle connection that is lost ends the process.
    this._pool.on('error', error => log('a connection to PostgreSQL was lost', error));
  }

  override commit(collection: string, id: string, op: Op, snapshot: Snapshot, _options: unknown, callback: Callback<boolean>): void {
    // The second of two commits of one version waits for the lock on the row, and then finds another version.
    const text = `WITH saved AS (
      INSERT INTO snapshots AS s (collection, doc_id, version, doc_type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (collection, doc_id)
        DO UPDATE SET version = $3, doc_type = $4, data = $5, metadata = $6 WHERE s.version = $3 - 1
      RETURNING version
    )
    INSERT INTO ops (collection, doc_id, version, operation, src, seq) SELECT $1, $2, version, $7, $8, $9 FROM saved`;
    const values = [collection, id, snapshot.v, snapshot.type, json(snapshot.data), json(snapshot.m), json(op), op.src, op.seq];
    this.ask(text, values).then(({rowCount}) => callback(null, rowCount === 1), error => {
      if (error.code !== UNIQUE_VIOLATION) return callback(error);
      // The op is there, below the version that it was sent at. ShareDB acknowledges it to the client.
      if (error.constraint === 'ops_author') return callback(coded('ERR_OP_ALREADY_SUBMITTED', 'Op already submitted'));
      callback(null, false);
    });
  }

  override getSnapshot(collection: string, id: string, fields: object | null, options: object | null, callback: Callback<Snapshot>): void {
    this.getSnapshotBulk(collection, [id], fields, options, (error, found) => callback(error, found?.[id]));
  }

  override getSnapshotBulk(
    collection: string, ids: string[], fields: object | null, options: object | null, callback: Callback<Record<string, Snapshot>>
  ): void {
    const found = Object.create(null) as Record<string, Snapshot>;
    for (const id of ids) found[id] = new SnapshotOf(id, undefined, wantsMetadata(fields, options));
    const text = 'SELECT doc_id, version, doc_type, data, metadata FROM snapshots WHERE collection = $1 AND doc_id = ANY($2)';
    this.ask<Row>(text, [collection, ids]).then(({rows}) => {
      for (const row of rows) found[row.doc_id] = new SnapshotOf(row.doc_id, row, wantsMetadata(fields, options));
      callback(null, found);
    }, callback);
  }

  override getOps(collection: string, id: string, from: number | null, to: number | null, options: object | null, callback: Callback<Op[]>): void {
    super.getOps(collection, id, from, to, options, (error, ops) => callback(error && withCode(error), ops));
  }

  override getCommittedOpVersion(
    collection: string, id: string, _snapshot: Snapshot, {src, seq}: Op, _options: unknown, callback: Callback<number | undefined>
  ): void {
    this.ask<{version: number}>('SELECT version FROM ops WHERE collection = $1 AND doc_id = $2 AND src = $3 AND seq = $4', [collection, id, src, seq])
      // A row has the version that the document has after its op.
      .then(({rows: [row]}) => callback(null, row && row.version - 1), callback);
  }

  override query(collection: string, {prefix}: PrefixQuery, fields: object | null, options: object | null, callback: Callback<Snapshot[]>): void {
    const text = `SELECT doc_id, version, doc_type, data, metadata FROM snapshots
      WHERE collection = $1 AND doc_id >= $2 AND starts_with(doc_id, $2) AND doc_type IS NOT NULL ORDER BY doc_id LIMIT 1000`;
    this.ask<Row>(text, [collection, prefix]).then(({rows}) => {
      callback(null, rows.map(row => new SnapshotOf(row.doc_id, row, wantsMetadata(fields, options))));
    }, callback);
  }

  /** After an op on a channel of a query, ShareDB runs the query again, unless this returns true. An edit does not change which documents match. */
  override skipPoll(_collection: string, id: string, op: Op, {prefix}: PrefixQuery): boolean {
    return !id.startsWith(prefix) || !(op.create || op.del);
  }

  private async ask<Result extends object>(text: string, values: unknown[]): Promise<pg.QueryResult<Result>> {
    try {
      return await this._pool.query<Result>(text, values);
    } catch (error) {
      throw withCode(error as Error);
    }
  }
}

class SnapshotOf implements Snapshot {
  readonly v: number;
  readonly type: string | null;
  readonly data: unknown;
  readonly m: unknown;

  constructor(readonly id: string, row: Row | undefined, withMetadata: boolean) {
    this.v = row?.version ?? 0;
    this.type = row?.doc_type ?? null;
    this.data = this.type === null ? undefined : row!.data;
    this.m = withMetadata ? row?.metadata ?? undefined : null;
  }
}

const json = (value: unknown): string | null => JSON.stringify(value) ?? null;

const wantsMetadata = (fields: {$submit?: boolean} | null, options: {metadata?: boolean} | null): boolean =>
  !!(fields?.$submit || options?.metadata);

const coded = (code: string, message: string): Error => Object.assign(new Error(message), {code});

/** All errors of PostgreSQL itself have a code. An error without one comes from the driver: the connection was lost, or there was none. */
function withCode(error: Error & {code?: string}): Error {
  return error.code ? error : Object.assign(error, {code: CONNECTION_FAILURE});
}

