/* Calls of a service in a host in another thread, beside an edit's way to another tab and a bare round trip. `npx tsx bench/remote/services.ts` */
import {once} from 'node:events';
import {MessageChannel, Worker, type MessagePort} from 'node:worker_threads';
import type {Channel} from '../../lib/platform/platform.js';
import {service} from '../../lib/remote.js';
import {PortedConnection} from '../../test/node/ported-connection.js';

interface Bench {
  add(): void;
  pure(a: number, b: number): number;
}

const ROUNDS = 7;
const CALLS = 100;
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

for (const delay of [0, 25]) {
  const worker = new Worker(new URL('./host-worker.mjs', import.meta.url), {argv: [String(delay)]});
  await once(worker, 'message');
  const tab = (): PortedConnection => new PortedConnection({channel: () => ({postMessage() {}, onmessage: null, close() {}})}, hello => {
    const {port1, port2} = new MessageChannel();
    worker.postMessage({hello, port: port2}, [port2]);
    return port1 as unknown as Channel;
  });
  const [one, two] = [tab(), tab()];
  const doc = one.get<{n: number}>('docs', 'one');
  await doc.subscribe();
  await doc.create({n: 0});
  const other = two.get<{n: number}>('docs', 'one');
  await other.subscribe();
  const cold = performance.now();
  const bench = service<Bench>(one, 'bench');
  await bench.pure(1, 2);
  const coldCall = performance.now() - cold;
  const {port1, port2} = new MessageChannel() as {port1: MessagePort; port2: MessagePort};
  worker.postMessage({echo: port2}, [port2]);

  const cases: Record<string, () => Promise<unknown>> = {
    'a bare round trip': () => new Promise(resolve => {
      port1.once('message', resolve);
      port1.postMessage([1, 2]);
    }),
    'a call without ops': () => bench.pure(1, 2) as unknown as Promise<number>,
    'an edit\'s way to another tab': () => new Promise(resolve => {
      other.once('op', resolve);
      void doc.submitOp([{p: ['n'], na: 1}]);
    }),
    'a call with an op, shown here': async () => {
      const {n} = doc.data!;
      await bench.add();
      if (doc.data!.n === n) throw new Error('not shown');
    }
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const taken: number[] = [];
      for (let i = 0; i < CALLS; i++) {
        const begun = performance.now();
        await run();
        taken.push((performance.now() - begun) * 1000);
        // Each round begins with nothing under way.
        if (name.includes('edit') || name.includes('op,')) await new Promise(resolve => doc.whenNothingPending(() => resolve(undefined)));
      }
      if (round) (times[name] ??= []).push(median(taken));
    }
  }
  process.stdout.write(`server ${delay} ms away, first call of a service ${coldCall.toFixed(1)} ms\n`);
  for (const [name, all] of Object.entries(times)) process.stdout.write(`  ${name.padEnd(32)}${median(all).toFixed(0)} µs\n`);
  one.close();
  two.close();
  await worker.terminate();
}
process.exit(0);
