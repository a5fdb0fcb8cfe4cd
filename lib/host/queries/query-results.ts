import type {LocalQueries} from './local-queries.js';
import {isKnownType} from '../doc/missing-type.js';
import type {ServerFaults} from '../server/server-faults.js';
import type {SharedDoc} from '../doc/shared-doc.js';
import type {RealConnection, RealDoc, RealQuery} from '../upstream.js';

export interface QueryRequest {
  id: number;
  c: string;
  q: unknown;
  o?: object | undefined;
  /** The results that the tab's query already has: ids and versions. */
  r?: [id: string, version: number | null][];
}

export interface SharedQueriesOwner {
  connection: RealConnection;
  isConnected(): boolean;
  readonly faults: Pick<ServerFaults, 'isTransient' | 'readAgain' | 'forgetRead'>;
  /** Returns the shared document of a real document. */
  share: (doc: RealDoc) => SharedDoc;
  /** Returns the last results of a query, for use while the server is unreachable. */
  storedResults(query: string): string | undefined;
  storeResults(query: string, results: string): void;
  /** Computes results while the server is unreachable; undefined if the app has supplied no matcher. */
  readonly local: LocalQueries | undefined;
}

/** A query's results in their stored form. The documents themselves are stored separately. */
export interface StoredResults {
  docs: [collection: string, id: string][];
  extra?: unknown;
}

export const keyOf = (c: string, q: unknown, o: object | undefined): string => JSON.stringify([c, q, o ?? null]);

export function encodeResults(results: readonly RealDoc[], extra: unknown): string {
  const stored: StoredResults = {docs: results.map(({collection, id}) => [collection, id]), extra};
  return JSON.stringify(stored);
}

export function readStoredResults(owner: SharedQueriesOwner, key: string): StoredResults | undefined {
  try {
    const stored = JSON.parse(owner.storedResults(key) ?? 'null') as StoredResults | null;
    return stored && Array.isArray(stored.docs) ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the ids of those stored results that are in the collection. */
export const storedIds = (owner: SharedQueriesOwner, key: string, collection: string): string[] =>
  readStoredResults(owner, key)?.docs.filter(([c]) => c === collection).map(([, id]) => id) ?? [];

/** Calls `act` when none of the documents is being restored or rolled back. None of them is released meanwhile. */
export function whenSettled(docs: readonly SharedDoc[], act: () => void): void {
  let left = docs.length;
  if (!left) return act();
  for (const doc of docs) {
    doc.retain();
    doc.whenSettled(() => {
      if (--left) return;
      try {
        act();
      } finally {
        for (const each of docs) each.release();
      }
    });
  }
}

/** Returns a result in the server's form: the snapshot with the document's id and collection. */
export function item(doc: RealDoc, collection: string, snapshot: object): object {
  return {...snapshot, d: doc.id, c: doc.collection};
}

/** Opens the shared documents of results with unknown types first. A real document alone would treat such a state as one without a type. */
export function shareUnknown(real: RealQuery, {connection, share}: SharedQueriesOwner): void {
  const upstream = real._ingestSnapshots;
  real._ingestSnapshots = (snapshots, finish) => {
    for (const {c = real.collection, d, type} of snapshots) if (!isKnownType(type)) share(connection.get(c, d));
    return upstream.call(real, snapshots, finish);
  };
}
