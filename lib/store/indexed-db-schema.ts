import type {DBSchema, IDBPDatabase, IDBPTransaction} from 'idb';
import type {Change, DocKey} from './storage.js';

/** The object stores of a namespace's database. */
export interface Schema extends DBSchema {
  checkpoints: {key: [c: string, d: string]; value: KeptCheckpoint; indexes: {pending: number}};
  journal: {key: [c: string, d: string, term: number, n: number]; value: KeptRecord};
  meta: {key: string; value: string};
  /** The host that may write, and barriers for hosts that may not any more. */
  claim: {key: string; value: Holder | Floor | number};
}

/** The one epoch that may write. Its term is later than that of any before. */
export interface Holder {
  epoch: string;
  term: number;
}

/** Everything was deleted: what a host of this term, or one before, writes afterwards is of a user who has signed out. */
export interface Floor {
  floor: number;
}

/** Ops of one document that were appended together, as the journal has them. */
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
  /** The number of the last record that is in it. */
  n?: number;
  checkpoint: string;
  /** Left out where there is nothing pending: the index has only those that have it. */
  pending?: 1;
}

export type Database = IDBPDatabase<Schema>;
export type Store = 'checkpoints' | 'journal' | 'meta' | 'claim';
export type Append = Change & {type: 'append'};
export type Writing = IDBPTransaction<Schema, Store[], 'readwrite'>;

export const STORES: Store[] = ['checkpoints', 'journal', 'meta', 'claim'];
export const HOLDER = 'holder';
export const FLOOR = 'floor';
/** Bars everybody from a database that nobody has claimed. */
export const UNCLAIMED = 'unclaimed';
/** The key in `claim` that bars this epoch. */
export const barrierOf = (epoch: string): string => `barred: ${epoch}`;
export const VERSION = 1;

/** All records of a document: an array sorts after every number. */
export function journalOf([c, d]: DocKey): IDBKeyRange {
  return IDBKeyRange.bound([c, d], [c, d, []]);
}

/** A value that is not a string was not written by this library. It is passed on, so that it can be examined. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
}
