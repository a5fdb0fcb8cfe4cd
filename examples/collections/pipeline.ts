import {SharedMap, SharedQueue} from 'sharedb-tabs/collections';
import type {ProxyConnection} from 'sharedb-tabs';

const MAX_ATTEMPTS = 3;

type Outcome<Result> = {result: Result} | {error: string};

/** Tabs that share work and cache the results: a cached result is not computed again. */
export class Pipeline<Result> {
  private constructor(private readonly jobs: SharedQueue<string>, private readonly outcomes: SharedMap<string, Outcome<Result>>) {}

  static async open<Result>(connection: ProxyConnection): Promise<Pipeline<Result>> {
    // One attempt more: the tab that takes the job then reports that the others have failed.
    return new Pipeline<Result>(await SharedQueue.open(connection, 'jobs', {maxAttempts: MAX_ATTEMPTS + 1}), await SharedMap.open(connection, 'results'));
  }

  /** Requests the result; one of the tabs computes it. Rejects after three attempts that failed. A later call tries again. */
  async get(input: string): Promise<Result> {
    const found = this.outcomes.get(input);
    if (found && 'result' in found) return found.result;
    const outcomes = this.outcomes.watch(input);
    if (found) this.outcomes.delete(input);
    this.jobs.enqueue(input);
    for await (const {newValue} of outcomes) {
      if (!newValue) continue;
      if ('result' in newValue) return newValue.result;
      throw new Error(newValue.error);
    }
    throw new Error('The pipeline was closed');
  }

  /** Computes requested results until the pipeline is closed. If a tab dies or `compute` fails, the job goes to another tab. */
  async work(compute: (input: string) => Promise<Result>): Promise<void> {
    for await (const lease of this.jobs.leases()) {
      const {value: input, attempts} = lease;
      try {
        if (!this.outcomes.has(input)) {
          if (attempts === MAX_ATTEMPTS) throw new Error(`"${input}" was not computed: ${attempts} tabs have tried it and ended`);
          this.outcomes.set(input, {result: await compute(input)});
        }
      } catch (error) {
        if (attempts + 1 < MAX_ATTEMPTS) {
          await lease.fail(error);
          continue;
        }
        this.outcomes.set(input, {error: error instanceof Error ? error.message : String(error)});
      }
      await lease.done();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.outcomes.close()]);
  }
}
