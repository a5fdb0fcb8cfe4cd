import {query} from './postgres.js';

export interface TrimmedOp {
  collection: string;
  doc_id: string;
  version: number;
  src: string | null;
  seq: string | null;
}

export interface TrimOptions {
  /** Ops of this number of days stay. In browsers that were offline for longer, unsent edits become dead letters. */
  days: number;
  /** The number of the newest ops of each document that stay in any case, because clients may be behind. Default 1,000. */
  keep?: number | undefined;
}

/**
 * Deletes old ops. A document is its snapshot, so nothing that anybody sees changes. An op that was made on a version below the oldest
 * op that is left can't be transformed any more: the server refuses it, and it becomes a dead letter.
 */
export function trimOps(databaseUrl: string, {days, keep = 1000}: TrimOptions): Promise<TrimmedOp[]> {
  return query<TrimmedOp>(databaseUrl, `DELETE FROM ops USING snapshots AS s
    WHERE ops.collection = s.collection AND ops.doc_id = s.doc_id
      AND ops.created_at <= now() - make_interval(secs => $1) AND ops.version <= s.version - $2
    RETURNING ops.collection, ops.doc_id, ops.version, ops.src, ops.seq`, [days * 86_400, keep]);
}
