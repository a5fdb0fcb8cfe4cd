import {expect} from 'chai';
import {randomUUID} from 'node:crypto';
import Backend from 'sharedb';
import type {Connection} from 'sharedb/lib/client/index.js';
import {SharedMap, transaction} from '../../lib/collections.js';
import {Host, InMemoryStorage} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {task, WorkerPool} from '../../lib/tasks-node.js';
import {until} from '../waiting/until.js';

describe('threads with a connection of their own', function () {
  this.timeout(120_000);

  it('run transactions beside the page, on the same collections', async () => {
    const namespace = randomUUID();
    const backend = new Backend();
    const host = new Host({
      namespace, connection: backend.connect() as unknown as Connection, channel: name => new BroadcastChannel(name), place: 'shared-worker', store: {storage: new InMemoryStorage()}
    });
    const page = new ProxyConnection({namespace});
    const pool = new WorkerPool(new URL('./collections-script.mjs', import.meta.url), {size: 2});
    try {
      const counters = await SharedMap.open<string, number>(page, 'counters');
      counters.set('n', 0);
      await until('it is settled', () => !page.hasPending());
      const count = task<[string, number], number>('count');
      const threads = [pool.run(count, [namespace, 20]), pool.run(count, [namespace, 20])];
      for (let done = 0; done < 20; done++) await transaction(() => counters.set('n', counters.get('n')! + 1), {maxRetries: 1_000});
      await Promise.all(threads);
      await until('the page has all of it', () => counters.get('n') === 60);
      expect(pool.lostThreads).to.equal(0);
      await pool.close();
    } finally {
      await pool.terminate();
      page.close();
      host.close();
      backend.close();
    }
  });
});
