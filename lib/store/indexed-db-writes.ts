import {FLOOR, HOLDER, STORES, UNCLAIMED, barrierOf, journalOf, type Append, type Database, type Floor, type Holder, type Schema, type Writing} from './indexed-db-schema.js';
import {FencedError, UnclaimedError, type Change} from './storage.js';

/** Groups appends by document, in their order. */
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
 * Makes requests that abort the transaction if this host was replaced, or no host has claimed the database. `add` fails if the key of a
 * barrier exists, and a failed request aborts its transaction. So the browser rejects the write of a replaced host at any time, even if the
 * host's thread is busy.
 * @returns the results of the requests. They reject with FencedError or UnclaimedError.
 */
export function passBarriers(claim: {add(value: number, key: string): Promise<unknown>; delete(key: string): Promise<unknown>}, epoch: string): Promise<unknown>[] {
  const barriers = [barrierOf(epoch), UNCLAIMED];
  const passed = barriers.map(key => claim.add(0, key).catch((error: unknown) => {
    throw !isConstraint(error) ? error : key === UNCLAIMED ? new UnclaimedError() : new FencedError();
  }));
  return [...passed, ...barriers.map(key => claim.delete(key))];
}

/** Deletes records that a host has appended after it was replaced. */
export async function takeBack(database: Database, appended: readonly Append[], term: number): Promise<void> {
  await deleteRecords(database, appended.map(({key: [c, d], n}) => [c, d, term, n]));
}

/** Makes the requests for a change. @throws if a value can't be stored; some of the requests may have been made */
export function make(transaction: Writing, change: Change, term: number): Promise<unknown>[] {
  switch (change.type) {
    case 'append': {
      const {key: [c, d], n, record} = change;
      return [transaction.objectStore('journal').put({term, n, record}, [c, d, term, n])];
    }
    case 'checkpoint': {
      const {key: [c, d], n, checkpoint, hasPending} = change;
      const put = transaction.objectStore('checkpoints').put({c, d, term, n, checkpoint, ...(hasPending && {pending: 1})});
      // A document that was never changed has no records. Most documents are only read.
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

/**
 * Resolves with the value when the other promises are fulfilled, too. Rejects with the error that aborted the transaction. Only one request
 * has this error; the others have an AbortError.
 */
export async function allOf<T>(value: Promise<T>, others: Promise<unknown>[]): Promise<T> {
  const results = await Promise.allSettled([...others, value]);
  const errors = results.flatMap(result => (result.status === 'rejected' ? [result.reason as {name?: unknown}] : []));
  if (errors.length) throw errors.find(({name}) => name !== 'AbortError') ?? errors[0];
  return value;
}

/** Deletes all data except these small values, and sets the floor and barriers for all earlier hosts. */
export async function emptied(database: Database, remaining: Readonly<Record<string, string>>): Promise<void> {
  const transaction = database.transaction(STORES, 'readwrite');
  const claim = transaction.objectStore('claim');
  const [keys, values] = await Promise.all([claim.getAllKeys(), claim.getAll()]);
  const barred = keys.filter((_, i) => typeof values[i] === 'number');
  const holder = values[keys.indexOf(HOLDER)] as Holder | undefined;
  // A suspended host may write when it runs again. By then, another host may have claimed the database.
  if (holder) barred.push(barrierOf(holder.epoch));
  const {floor = 0} = (values[keys.indexOf(FLOOR)] ?? {}) as Partial<Floor>;
  await Promise.all([
    ...STORES.map(store => transaction.objectStore(store).clear()),
    ...Object.entries(remaining).map(([name, value]) => transaction.objectStore('meta').put(value, name)),
    claim.put({floor: Math.max(floor, holder?.term ?? 0)}, FLOOR), ...barred.map(key => claim.put(Date.now(), key)),
    claim.put(Number.MAX_SAFE_INTEGER, UNCLAIMED), transaction.done
  ]);
}

/** Aborts a transaction. It is still active if a request could not be made. */
export function abort(transaction: Writing): void {
  try {
    transaction.abort();
  } catch {
    // The transaction has ended already.
  }
}

function isConstraint(error: unknown): boolean {
  return (error as {name?: unknown} | null)?.name === 'ConstraintError';
}
