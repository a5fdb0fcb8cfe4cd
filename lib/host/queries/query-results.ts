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
  /** The results that the tab's query has already: ids and versions. */
  r?: [id: string, version: number | null][];
}

export interface SharedQueriesOwner {
  connection: RealConnection;
  isConnected(): boolean;
  readonly faults: Pick<ServerFaults, 'isTransient' | 'readAgain' | 'forgetRead'>;
  /** The shared document of a real one. */
  share: (doc: RealDoc) => SharedDoc;
  /** The last results of a query, for the time without a server. */
  keptResults(query: string): string | undefined;
  keepResults(query: string, results: string): void;
  /** Works out results without a server, where the app has said how. */
  readonly local: LocalQueries | undefined;
}

/** A query's results as they are kept: the documents have stores of their own. */
export interface KeptResults {
  docs: [collection: string, id: string][];
  extra?: unknown;
}

export const keyOf = (c: string, q: unknown, o: object | undefined): string => JSON.stringify([c, q, o ?? null]);

export function resultsToKeep(results: readonly RealDoc[], extra: unknown): string {
  const kept: KeptResults = {docs: results.map(({collection, id}) => [collection, id]), extra};
  return JSON.stringify(kept);
}

export function keptResults(owner: SharedQueriesOwner, key: string): KeptResults | undefined {
  try {
    const kept = JSON.parse(owner.keptResults(key) ?? 'null') as KeptResults | null;
    return kept && Array.isArray(kept.docs) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** The ids of those last results that are documents of the collection. */
export const keptIds = (owner: SharedQueriesOwner, key: string, collection: string): string[] =>
  keptResults(owner, key)?.docs.filter(([c]) => c === collection).map(([, id]) => id) ?? [];

/** Calls back when all of the documents can be asked; none of them is released meanwhile. */
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

/** A result as the server sends it: the snapshot, with the document's id and, if it is another, collection. */
export function item(doc: RealDoc, collection: string, snapshot: object): object {
  return {...snapshot, d: doc.id, c: doc.collection};
}

/** Shares a document of an unknown type before it arrives, because the real document alone would treat it as one without a type. */
export function shareUnknown(real: RealQuery, {connection, share}: SharedQueriesOwner): void {
  const upstream = real._ingestSnapshots;
  real._ingestSnapshots = (snapshots, finish) => {
    for (const {c = real.collection, d, type} of snapshots) if (!isKnownType(type)) share(connection.get(c, d));
    return upstream.call(real, snapshots, finish);
  };
}
