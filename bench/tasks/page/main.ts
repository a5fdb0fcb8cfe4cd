import {WorkerPool} from 'sharedb-tabs/tasks';

/** µs per round trip, for `count` messages in turns: a bare worker, and empty tasks of a pool of one thread. */
async function measure(rounds: number, count: number): Promise<{bare: number[]; ours: number[]; startBare: number[]; startOurs: number[]}> {
  const url = URL.createObjectURL(new Blob(['onmessage = ({data}) => postMessage(data); postMessage(0)'], {type: 'text/javascript'}));
  const startBare = async (): Promise<Worker> => {
    const worker = new Worker(url);
    await new Promise(resolve => { worker.onmessage = resolve; });
    return worker;
  };
  const empty = (): void => {};
  const timed = async (act: () => Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await act();
    return performance.now() - begun;
  };
  const send = (worker: Worker): Promise<unknown> => new Promise(resolve => {
    worker.onmessage = resolve;
    worker.postMessage(0);
  });
  const worker = await startBare();
  const pool = new WorkerPool({size: 1});
  await pool.execute(empty);
  const result = {bare: [] as number[], ours: [] as number[], startBare: [] as number[], startOurs: [] as number[]};
  for (let round = 0; round <= rounds; round++) {
    const bare = await timed(async () => { for (let n = 0; n < count; n++) await send(worker); });
    const ours = await timed(async () => { for (let n = 0; n < count; n++) await pool.execute(empty); });
    const bareStart = await timed(async () => {
      const fresh = await startBare();
      await send(fresh);
      fresh.terminate();
    });
    const ourStart = await timed(async () => {
      const fresh = new WorkerPool({size: 1});
      await fresh.execute(empty);
      void fresh.terminate();
    });
    if (!round) continue;
    result.bare.push(bare * 1000 / count);
    result.ours.push(ours * 1000 / count);
    result.startBare.push(bareStart);
    result.startOurs.push(ourStart);
  }
  await pool.terminate();
  return result;
}

Object.assign(globalThis, {measure});
