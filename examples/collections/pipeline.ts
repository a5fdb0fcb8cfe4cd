import {SharedMap, SharedQueue} from 'sharedb-tabs/collections';
import type {ProxyConnection} from 'sharedb-tabs';

/** Tabs that share work and cache the results: a cached result is not computed again. */
export class Pipeline<Result> {
  private constructor(private readonly jobs: SharedQueue<string>, private readonly cache: SharedMap<string, Result>) {}

  static async open<Result>(connection: ProxyConnection): Promise<Pipeline<Result>> {
    return new Pipeline<Result>(await SharedQueue.open(connection, 'jobs', {maxAttempts: 3}), await SharedMap.open(connection, 'results'));
  }

  /** Requests the result; one of the tabs computes it. */
  async get(input: string): Promise<Result> {
    const found = this.cache.get(input);
    if (found !== undefined) return found;
    const results = this.cache.watch(input);
    this.jobs.enqueue(input);
    for await (const {newValue} of results) if (newValue !== undefined) return newValue;
    throw new Error('The pipeline was closed');
  }

  /** Computes requested results until the pipeline is closed. If a tab dies, its job goes to another one. */
  async work(compute: (input: string) => Promise<Result>): Promise<void> {
    for await (const lease of this.jobs.leases()) {
      try {
        if (!this.cache.has(lease.value)) this.cache.set(lease.value, await compute(lease.value));
        await lease.done();
      } catch (error) {
        await lease.fail(error);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.cache.close()]);
  }
}
