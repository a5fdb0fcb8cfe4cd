import {type Lease, type SharedQueue, transaction} from '../../lib/collections.js';
import type {Random} from '../support/random.js';

export const MAX_ATTEMPTS = 3;

interface Item {
  value: number;
  /** Its place among the items, which it returns to. */
  order: number;
  attempts: number;
  error?: string;
}

/** A plain array that does what a queue does, and the leases that tabs have. */
export class QueueModel {
  private waiting: Item[] = [];
  private dead: Item[] = [];
  private readonly leased: {item: Item; lease: Lease<number>}[] = [];
  private made = 0;
  private order = 0;

  /** @param isSynced an item that goes to the end gets a place there; in a local queue it keeps the one it had */
  constructor(private readonly isSynced: boolean) {}

  /** What each tab shows of the queue. */
  get state(): ReturnType<typeof stateOf> {
    const {waiting, leased, dead} = this;
    return {
      size: waiting.length, isEmpty: !waiting.length, inFlight: leased.length,
      first: waiting[0]?.value, dead: dead.map(({value, attempts, error}) => ({value, attempts, ...(error !== undefined && {error})}))
    };
  }

  /**
   * Makes one call on the queue and on the model.
   * @returns both results, when the host has answered
   */
  async step(random: Random, queue: SharedQueue<number>): Promise<[unknown, unknown]> {
    const {waiting} = this;
    switch (random.below(12)) {
      case 0: case 1: {
        const item = this.add();
        return [queue.enqueue(item.value), undefined];
      }
      case 2: return [queue.enqueueMany([this.add(), this.add(), this.add()].map(({value}) => value)), undefined];
      case 3: return [await queue.tryDequeue(), waiting.shift()?.value];
      case 4: {
        if (!waiting.length) return [await queue.tryDequeue(), undefined];
        const count = 1 + random.below(3);
        return [await queue.dequeueMany(count), waiting.splice(0, count).map(({value}) => value)];
      }
      case 5: {
        const item = this.add();
        return [
          await transaction(tx => {
            const shared = tx.in(queue);
            shared.enqueue(item.value);
            return [shared.size, shared.tryDequeue()];
          }),
          [waiting.length, waiting.shift()!.value]
        ];
      }
      case 6:
        if (random.below(4)) return [queue.peek(), waiting[0]?.value];
        waiting.length = 0;
        return [queue.clear(), undefined];
      case 7: {
        for (const {value} of this.dead.splice(0)) waiting.push({value, order: this.isSynced ? ++this.order : this.orders.get(value)!, attempts: 0});
        return [queue.requeueDead(), undefined];
      }
      case 8: case 9: {
        const item = waiting.shift();
        if (!item) return [queue.size, 0];
        const lease = await queue.take();
        this.leased.push({item, lease});
        this.orders.set(item.value, item.order);
        return [[lease.value, lease.attempts], [item.value, item.attempts]];
      }
      default: return [await this.endLease(random), undefined];
    }
  }

  /** The place of each item that was taken. */
  private readonly orders = new Map<number, number>();

  private add(): Item {
    const item = {value: ++this.made, order: ++this.order, attempts: 0};
    this.waiting.push(item);
    return item;
  }

  private async endLease(random: Random): Promise<void> {
    const [held] = this.leased.splice(random.below(this.leased.length || 1), 1);
    if (!held) return;
    const {item, lease} = held;
    switch (random.below(3)) {
      case 0: return lease.done();
      case 1:
        this.putBack(item);
        return lease.release();
      default:
        item.attempts++;
        if (item.attempts >= MAX_ATTEMPTS) this.dead.push({...item, error: 'no'});
        else if (item.attempts === 1) this.putBack(item);
        else this.waiting.push(this.isSynced ? {...item, order: ++this.order} : item);
        return lease.fail(new Error('no'));
    }
  }

  private putBack(item: Item): void {
    const at = this.waiting.findIndex(({order}) => order > item.order);
    this.waiting.splice(at < 0 ? this.waiting.length : at, 0, item);
  }
}

export function stateOf(queue: SharedQueue<number>): {size: number; isEmpty: boolean; inFlight: number; first: number | undefined; dead: object[]} {
  const {size, isEmpty, inFlight, dead} = queue;
  return {size, isEmpty, inFlight, first: queue.peek(), dead: [...dead]};
}
