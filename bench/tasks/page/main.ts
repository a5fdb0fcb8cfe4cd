import {WorkerPool} from 'sharedb-tabs/tasks';
import {browserThreadText} from '../../../lib/tasks/thread-text.js';

const ECHO = 'onmessage = ({data}) => postMessage(data); postMessage(0)';
/** Answers a message with the content of ours. */
const SAME_CONTENT = "onmessage = ({data}) => postMessage({$: 'done', id: data.id, values: [undefined], ms: performance.now()}); postMessage(0)";
/** Holds a lock before it answers, as our threads do, so that the page can tell when they end. */
const LOCKED = 'navigator.locks.request(String(Math.random()), () => { postMessage(0); return new Promise(() => {}); }); onmessage = ({data}) => postMessage(data)';

const urlOf = (text: string): string => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));

const send = (worker: Worker, message: unknown): Promise<unknown> => new Promise(resolve => {
  worker.onmessage = resolve;
  worker.postMessage(message);
});

async function start(url: string): Promise<Worker> {
  const worker = new Worker(url);
  await new Promise(resolve => { worker.onmessage = resolve; });
  return worker;
}

async function startAndSend(url: string): Promise<void> {
  const worker = await start(url);
  await send(worker, 0);
  worker.terminate();
}

const RUN = {$: 'run', id: 1, slot: -1, calls: [[]], attempt: 0, hash: 'x'};

/** A thread of ours without a pool. */
async function startThread(url: string): Promise<Worker> {
  const worker = new Worker(url);
  await send(worker, {$: 'start', id: 1, lock: String(Math.random()), globals: true, heap: false});
  await send(worker, {...RUN, text: '() => {}'});
  return worker;
}

const empty = (): void => {};

/** Each case in turns: µs for a message there and back, ms for a start with the first result. */
async function measure(rounds: number, count: number): Promise<Record<string, number[]>> {
  const [echo, same, locked, thread] = [ECHO, SAME_CONTENT, LOCKED, browserThreadText].map(urlOf) as [string, string, string, string];
  const bare = await start(echo);
  const alike = await start(same);
  const ourThread = await startThread(thread);
  const pool = new WorkerPool({size: 1});
  await pool.execute(empty);
  const repeated = (act: () => PromiseLike<unknown>) => async (): Promise<number> => {
    const begun = performance.now();
    for (let n = 0; n < count; n++) await act();
    return (performance.now() - begun) * 1000 / count;
  };
  const once = (act: () => Promise<unknown>) => async (): Promise<number> => {
    const begun = performance.now();
    await act();
    return performance.now() - begun;
  };
  const cases: Record<string, () => Promise<number>> = {
    bare: repeated(() => send(bare, 0)),
    alike: repeated(() => send(alike, RUN)),
    thread: repeated(() => send(ourThread, RUN)),
    ours: repeated(() => pool.execute(empty)),
    startBare: once(() => startAndSend(echo)),
    startLocked: once(() => startAndSend(locked)),
    startThread: once(async () => (await startThread(thread)).terminate()),
    startOurs: once(async () => {
      const fresh = new WorkerPool({size: 1});
      await fresh.execute(empty);
      void fresh.terminate();
    })
  };
  const names = Object.keys(cases);
  const result: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  // The first round warms up. No case always follows the same other one.
  for (let round = 0; round <= rounds; round++) {
    for (let n = 0; n < names.length; n++) {
      const name = names[(n + round) % names.length]!;
      const figure = await cases[name]!();
      if (round) result[name]!.push(figure);
    }
  }
  await pool.terminate();
  return result;
}

Object.assign(globalThis, {measure});
