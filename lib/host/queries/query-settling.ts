import type {Clock} from '../../platform/platform.js';

/** Time limit, in ms, and the interval at which results are compared. */
const SETTLE_MS = 2000;
const POLL_MS = 50;

/** A subscribed query whose results may be older than the server's. */
export interface LaggingQuery {
  /** The ids of the query's results in the host. */
  readonly ids: readonly string[];
  /** Asks the server for the ids of the query's results. */
  fetch(): Promise<readonly string[]>;
}

/**
 * Resolves when the results of subscribed queries equal the server's, or after 2 s. A query's diff may arrive after the acknowledgement
 * of the op that caused it, because ShareDB's server queries its database again first.
 */
export async function settleQueries(queries: readonly LaggingQuery[], clock: Clock): Promise<void> {
  let isOver = false;
  let cancel = (): void => {};
  const deadline = new Promise<void>(resolve => {
    cancel = clock.after(SETTLE_MS, () => {
      isOver = true;
      resolve();
    });
  });
  const settle = async (query: LaggingQuery): Promise<void> => {
    while (!isOver) {
      const ids = await query.fetch();
      if (same(ids, query.ids)) return;
      await new Promise<void>(resolve => clock.after(POLL_MS, resolve));
    }
  };
  // If the server refuses a query, its subscribers get the error in another way.
  await Promise.race([deadline, Promise.all(queries.map(query => settle(query).catch(() => {})))]);
  isOver = true;
  cancel();
}

const same = (some: readonly string[], others: readonly string[]): boolean => some.length === others.length && some.every((id, i) => id === others[i]);
