/* Prints the bytes that each of 16 idle threads adds to this process: of this library, or of bare Workers. */
import {WorkerPool} from '../../lib/tasks-node.js';
import {bareWorker} from './bare.js';

const COUNT = 16;
// What the process itself loads with its first task or Worker is not the memory of a thread.
const first = new WorkerPool({size: 1});
await first.execute(new Function('return () => 1')() as () => number);
await first.close();
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
