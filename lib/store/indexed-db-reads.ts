import {asText, type KeptCheckpoint, type KeptRecord, type Schema} from './indexed-db-schema.js';
import {inOrder, type DocKey, type StoredDoc} from './storage.js';

/** If this many documents or more are requested, the range of their keys is read first. */
export const RANGE_FROM = 32;
/** The range is used if it has fewer than this many checkpoints and journal values for each requested document. */
const RANGE_EXCESS = 4;

/**
 * Reads many documents with three requests for the whole range from the first to the last of them. This takes a fraction of the time of
 * separate requests for each document (measured in Chromium: 35 ms instead of 114 for 1,000 documents).
 * @param floor the highest term whose records do not count: see `Floor`
 * @returns undefined if the range contains so many other documents that separate requests are faster
 */
export async function readRange(
  keys: readonly DocKey[],
  checkpoints: {getAll(range: IDBKeyRange, count: number): Promise<Schema['checkpoints']['value'][]>},
  journal: {
    getAll(range: IDBKeyRange, count: number): Promise<Schema['journal']['value'][]>;
    getAllKeys(range: IDBKeyRange, count: number): Promise<Schema['journal']['key'][]>;
  },
  floor: number
): Promise<StoredDoc[] | undefined> {
  const [first, last] = rangeOf(keys);
  const records = IDBKeyRange.bound(first, [...last, []]);
  const most = RANGE_EXCESS * keys.length;
  const [kept, numbers, values] = await Promise.all([
    checkpoints.getAll(IDBKeyRange.bound(first, last), most), journal.getAllKeys(records, most), journal.getAll(records, most)
  ]);
  if (kept.length === most || values.length === most) return undefined;
  const checkpointOf = new Map(kept.map(value => [JSON.stringify([value.c, value.d]), value]));
  const recordsOf = new Map<string, KeptRecord[]>();
  numbers.forEach(([c, d], i) => {
    const name = JSON.stringify([c, d]);
    const records = recordsOf.get(name);
    if (records) records.push(values[i]!);
    else recordsOf.set(name, [values[i]!]);
  });
  return keys.map(key => storedDoc(checkpointOf.get(JSON.stringify(key)), recordsOf.get(JSON.stringify(key)) ?? [], floor));
}

/** A document from its checkpoint and the values of its journal, without the records that do not count. */
export function storedDoc(kept: KeptCheckpoint | undefined, records: KeptRecord[], floor: number): StoredDoc {
  const apart = records.filter(({term}) => !isBelow(term, floor)).flatMap(value => [...(value.before ?? []).map(each => ({...each, term: value.term})), value]);
  return {
    checkpoint: kept && asText(kept.checkpoint ?? kept),
    journal: dropStaleTerms(apart, kept).map(value => ({n: value.n, record: asText(value.record ?? value)}))
  };
}

/** Whether a value was written by a host that the floor excludes. Values that other code has written have no term. */
export const isBelow = (term: unknown, floor: number): boolean => typeof term === 'number' && term <= floor;

/**
 * Drops the records that a host has written after it was replaced. The next host has a higher term. It has numbered its own records from
 * before these, or has written a checkpoint without them.
 * @param records in the order of term and number
 */
function dropStaleTerms(records: KeptRecord[], {term = 0, n = 0}: Partial<KeptCheckpoint> = {}): KeptRecord[] {
  const valid: KeptRecord[] = [];
  let next: KeptRecord | undefined;
  for (const record of records.toReversed()) {
    const isInCheckpoint = record.term === term && record.n <= n;
    if (record.term < term || isInCheckpoint || (next && record.n >= next.n)) continue;
    valid.push(next = record);
  }
  return valid.reverse();
}

/** The first and the last of the keys. */
function rangeOf(keys: readonly DocKey[]): [first: string[], last: string[]] {
  let [first, last] = [keys[0]!, keys[0]!];
  for (const key of keys) {
    if (inOrder(key, first) < 0) first = key;
    if (inOrder(last, key) < 0) last = key;
  }
  return [[...first], [...last]];
}
