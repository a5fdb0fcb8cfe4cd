import type {DBSchema, IDBPDatabase, IDBPTransaction} from 'idb';
import type {Change, DocKey} from './storage.js';

/** The object stores of a namespace's database. */
export interface Schema extends DBSchema {
  checkpoints: {key: [c: string, d: string]; value: KeptCheckpoint; indexes: {pending: number}};
  journal: {key: [c: string, d: string, term: number, n: number]; value: KeptRecord};
  meta: {key: string; value: string};
  /** The host that may write, the barriers for replaced hosts, and the floor. */
  claim: {key: string; value: Holder | Floor | number};
}

/** The only host that may write. Its term is higher than the terms of all earlier hosts. */
export interface Holder {
  epoch: string;
  term: number;
}

/** Set when all data were deleted. Records of hosts with this term or a lower one belong to a user who has signed out, and do not count. */
export interface Floor {
  floor: number;
}

/** The records of one document that were appended in one write, as one value of the journal: the last record, and those before it. */
export interface KeptRecord {
  term: number;
  n: number;
  record: string;
  /** The earlier records of the same document in the same write, oldest first. */
  before?: {n: number; record: string}[];
}

/** A document's checkpoint as it is stored. */
export interface KeptCheckpoint {
  c: string;
  d: string;
  term: number;
  /** The number of the last record that the checkpoint contains. */
  n?: number;
  checkpoint: string;
  /** Left out if the document has no pending ops. The index contains only the checkpoints that have this field. */
  pending?: 1;
}

export type Database = IDBPDatabase<Schema>;
export type Store = 'checkpoints' | 'journal' | 'meta' | 'claim';
export type Append = Change & {type: 'append'};
export type Writing = IDBPTransaction<Schema, Store[], 'readwrite'>;

export const STORES: Store[] = ['checkpoints', 'journal', 'meta', 'claim'];
export const HOLDER = 'holder';
export const FLOOR = 'floor';
/** The key of the barrier for all hosts, in a database that no host has claimed. */
export const UNCLAIMED = 'unclaimed';
/** The key of the barrier for a replaced host. */
export const barrierOf = (epoch: string): string => `barred: ${epoch}`;
export const VERSION = 1;

/** The key range of a document's records. An array is greater than any number (Indexed Database API, "compare two keys"). */
export function journalOf([c, d]: DocKey): IDBKeyRange {
  return IDBKeyRange.bound([c, d], [c, d, []]);
}

/** A value that is not a string was not written by this library. It is passed on, so that it can be examined. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
}
