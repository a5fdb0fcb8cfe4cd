/* Prints, as JSON, the ms until the first results of new pools and of bare Workers, in turns. Arguments: the pool's script, the number of rounds. */
import {task, WorkerPool} from '../../lib/tasks-node.js';
import {type BareWorker, bareWorker, bareWorkerWith} from './bare.js';

const [script, rounds] = process.argv.slice(2) as [string, string];
const bare = (start: () => Promise<BareWorker>) => async (): Promise<void> => {
  const worker = await start();
  await worker.send(undefined);
  void worker.close();
};
const ours = async (pool: WorkerPool, run: (pool: WorkerPool) => PromiseLike<unknown>): Promise<void> => {
  await run(pool);
  void pool.terminate();
};
let last = 0;
const acts: Record<string, () => Promise<void>> = {
  bare: bare(bareWorker),
  // A function that no pool has seen before.
  source: () => ours(new WorkerPool({size: 1}), pool => pool.execute(new Function(`return () => ${last++}`)() as () => number)),
  bareScript: bare(() => bareWorkerWith(script)),
  script: () => ours(new WorkerPool(new URL(script), {size: 1}), pool => pool.run(task<[], void>('empty'), []))
};
const names = Object.keys(acts);
const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
// The first round warms up.
for (let round = 0; round <= Number(rounds); round++) {
  for (let turn = 0; turn < names.length; turn++) {
    const name = names[(turn + round) % names.length]!;
    const begun = performance.now();
    await acts[name]!();
    if (round) times[name]!.push(performance.now() - begun);
  }
}
process.stdout.write(JSON.stringify(times));
process.exit(0);
