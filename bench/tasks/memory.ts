/* Prints the bytes that each of 16 idle threads adds to this process: of this library, or of bare Workers. */
import {WorkerPool} from '../../lib/tasks-node.js';
import {bareWorker} from './peers.js';

const COUNT = 16;
const before = process.memoryUsage.rss();
if (process.argv[2] === 'ours') {
  const pool = new WorkerPool({size: COUNT, idleTimeout: Infinity});
  const meet = new Int32Array(new SharedArrayBuffer(4));
  await Promise.all(Array.from({length: COUNT}, () => pool.run((counter: Int32Array, count: number) => {
    Atomics.add(counter, 0, 1);
    while (Atomics.load(counter, 0) < count) Atomics.wait(counter, 0, Atomics.load(counter, 0), 5);
  }, [meet, COUNT])));
} else {
  await Promise.all(Array.from({length: COUNT}, bareWorker));
}
process.stdout.write(String((process.memoryUsage.rss() - before) / COUNT));
process.exit(0);
