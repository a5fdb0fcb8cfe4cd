import type {Clock} from '../../platform/platform.js';

/** How long it may take, in ms, and how long after a difference it is looked again. */
const SETTLE_MS = 2000;
const LOOK_MS = 50;

/** A subscribed query whose results may lag behind the server. */
export interface LaggingQuery {
  /** The ids of its results as they are known here. */
  readonly ids: readonly string[];
  /** Asks the server for the ids of its results. */
  fetch(): Promise<readonly string[]>;
}

/**
 * Resolves when the results of subscribed queries are what the server answers, or after 2 s. An acknowledgement and a
 * query's diff have no order between them: ShareDB's server sends the diff when it has asked its database again.
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
      await new Promise<void>(resolve => clock.after(LOOK_MS, resolve));
    }
  };
  // A query that the server refuses tells its subscribers itself.
  await Promise.race([deadline, Promise.all(queries.map(query => settle(query).catch(() => {})))]);
  isOver = true;
  cancel();
}

const same = (some: readonly string[], others: readonly string[]): boolean => some.length === others.length && some.every((id, i) => id === others[i]);
