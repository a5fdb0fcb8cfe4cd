import {FLOOR, HOLDER, STORES, UNCLAIMED, barrierOf, journalOf, type Append, type Database, type Floor, type Holder, type Schema, type Writing} from './indexed-db-schema.js';
import {FencedError, UnclaimedError, type Change} from './storage.js';

/** The ops that are appended, by document. */
export function byDoc(changes: readonly Append[]): Iterable<Append[]> {
  if (changes.length === 1) return [[...changes]];
  const docs = new Map<string, Append[]>();
  for (const change of changes) {
    const name = JSON.stringify(change.key);
    const appends = docs.get(name);
    if (appends) appends.push(change);
    else docs.set(name, [change]);
  }
  return docs.values();
}

/** Deletes these records of the journal. */
export async function deleteRecords(database: Database, keys: readonly Schema['journal']['key'][]): Promise<void> {
  const transaction = database.transaction('journal', 'readwrite');
  await Promise.all([...keys.map(key => transaction.store.delete(key)), transaction.done]);
}

/**
 * Adding what is there already fails, and takes the whole transaction along: the browser itself turns a host away that
 * has been replaced, however late it comes and whatever its thread is busy with.
 */
export function passBarriers(claim: {add(value: number, key: string): Promise<unknown>; delete(key: string): Promise<unknown>}, epoch: string): Promise<unknown>[] {
  const barriers = [barrierOf(epoch), UNCLAIMED];
  const passed = barriers.map(key => claim.add(0, key).catch((error: unknown) => {
    throw !isConstraint(error) ? error : key === UNCLAIMED ? new UnclaimedError() : new FencedError();
  }));
  return [...passed, ...barriers.map(key => claim.delete(key))];
}

/** Deletes what a host has appended after it was replaced. */
export async function takeBack(database: Database, appended: readonly Append[], term: number): Promise<void> {
  await deleteRecords(database, appended.map(({key: [c, d], n}) => [c, d, term, n]));
}

/** Throws, and has made some of the requests perhaps, where a value can't be stored. */
export function make(transaction: Writing, change: Change, term: number): Promise<unknown>[] {
  switch (change.type) {
    case 'append': {
      const {key: [c, d], n, record} = change;
      return [transaction.objectStore('journal').put({term, n, record}, [c, d, term, n])];
    }
    case 'checkpoint': {
      const {key: [c, d], n, checkpoint, hasPending} = change;
      const put = transaction.objectStore('checkpoints').put({c, d, term, n, checkpoint, ...(hasPending && {pending: 1})});
      // A document that nobody has changed has no records, and most documents are only read.
      return n ? [put, transaction.objectStore('journal').delete(IDBKeyRange.bound([c, d], [c, d, term, n]))] : [put];
    }
    case 'remove': {
      const [c, d] = change.key;
      return [transaction.objectStore('checkpoints').delete([c, d]), transaction.objectStore('journal').delete(journalOf(change.key))];
    }
    case 'meta': {
      const meta = transaction.objectStore('meta');
      return [change.value === undefined ? meta.delete(change.name) : meta.put(change.value, change.name)];
    }
    default:
      return change satisfies never;
  }
}

/** The value, when all the others are there too. One request has the error that ended the transaction; the others have AbortError. */
export async function allOf<T>(value: Promise<T>, others: Promise<unknown>[]): Promise<T> {
  const results = await Promise.allSettled([...others, value]);
  const errors = results.flatMap(result => (result.status === 'rejected' ? [result.reason as {name?: unknown}] : []));
  if (errors.length) throw errors.find(({name}) => name !== 'AbortError') ?? errors[0];
  return value;
}

/** Deletes everything, and bars the hosts that were there before. */
export async function emptied(database: Database): Promise<void> {
  const transaction = database.transaction(STORES, 'readwrite');
  const claim = transaction.objectStore('claim');
  const [keys, values] = await Promise.all([claim.getAllKeys(), claim.getAll()]);
  const barred = keys.filter((_, i) => typeof values[i] === 'number');
  const holder = values[keys.indexOf(HOLDER)] as Holder | undefined;
  // A host that stands still may write as soon as it wakes, into what somebody else has claimed by then.
  if (holder) barred.push(barrierOf(holder.epoch));
  const {floor = 0} = (values[keys.indexOf(FLOOR)] ?? {}) as Partial<Floor>;
  await Promise.all([
    ...STORES.map(store => transaction.objectStore(store).clear()), claim.put({floor: Math.max(floor, holder?.term ?? 0)}, FLOOR), ...barred.map(key => claim.put(Date.now(), key)),
    claim.put(Number.MAX_SAFE_INTEGER, UNCLAIMED), transaction.done
  ]);
}

/** A request that could not even be made leaves its transaction going. */
export function abort(transaction: Writing): void {
  try {
    transaction.abort();
  } catch {
    // It has ended by itself.
  }
}

function isConstraint(error: unknown): boolean {
  return (error as {name?: unknown} | null)?.name === 'ConstraintError';
}
