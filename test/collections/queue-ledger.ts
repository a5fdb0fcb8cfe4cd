import type {SharedQueue} from '../../lib/collections.js';
import type {Random} from '../support/random.js';
import {turn} from '../waiting/node-turn.js';

/** The items of a queue that consumers have done, while their tabs and hosts die. */
export class QueueLedger {
  /** How often each item was done. */
  readonly done = new Map<number, number>();
  /** Items whose tab was closed while it waited for the answer to `done()`. */
  readonly unsure = new Set<number>();

  /** @param errors gets the errors that no death explains */
  constructor(private readonly random: Random, private readonly errors: unknown[]) {}

  /** Does one item after the other until the tab dies. */
  async work(queue: SharedQueue<number>): Promise<void> {
    const {random, done, unsure, errors} = this;
    let reported: number | undefined;
    try {
      for await (const lease of queue.leases()) {
        for (let turns = random.below(5); turns; turns--) await turn();
        reported = lease.value;
        await lease.done();
        reported = undefined;
        done.set(lease.value, (done.get(lease.value) ?? 0) + 1);
      }
    } catch (error) {
      // The tab died while it worked on an item.
      if (reported !== undefined) unsure.add(reported);
      if (!['ERR_TABS_SESSION_ENDED', 'ERR_TABS_CLOSED'].includes((error as {code: string}).code)) errors.push(error);
    }
  }
}
