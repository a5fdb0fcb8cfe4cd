/* Calls to a worker of Node: ours beside comlink and capnweb, interleaved. `npx tsx bench/remote/run.ts` */
import * as comlink from 'comlink';
import {newMessagePortRpcSession} from 'capnweb';
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import {wrap} from '../../lib/remote.js';

interface Service {
  add(a: number, b: number): PromiseLike<number>;
  echo(value: unknown): PromiseLike<unknown>;
  call(f: (n: number) => number): PromiseLike<number>;
}

const ROUNDS = 7;
const small = Array.from({length: 40}, (_, n) => ({id: `item-${n}`, n, on: true}));
const large = Array.from({length: 16_000}, (_, n) => ({id: `item-${n}`, text: 'x'.repeat(30), n}));
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const inOrder = async (n: number, run: () => PromiseLike<unknown>): Promise<void> => {
  for (let i = 0; i < n; i++) await run();
};

/** Microseconds for each call. */
const cases: Record<string, [calls: number, run: (service: Service, peer: string) => Promise<unknown>]> = {
  'one after the other': [2000, service => inOrder(2000, () => service.add(1, 2))],
  '1,000 in one turn': [1000, service => Promise.all(Array.from({length: 1000}, (_, n) => service.add(n, 1)))],
  'that calls back': [1000, (service, peer) => inOrder(1000, () => service.call(callback(peer)))],
  'echo of 2 KB': [1000, service => inOrder(1000, () => service.echo(small))],
  'echo of 1 MB': [4, service => inOrder(4, () => service.echo(large))]
};

const callback = (peer: string): ((n: number) => number) => {
  const f = (n: number): number => n + 1;
  return peer === 'comlink' ? (comlink.proxy(f) as typeof f) : f;
};

const worker = new Worker(new URL('./peers-worker.mjs', import.meta.url));
await once(worker, 'message');
const portTo = (name: string): MessagePort => {
  const {port1, port2} = new MessageChannel();
  worker.postMessage([name, port2], [port2 as never]);
  return port1;
};
const nodeEndpoint = (await import('comlink/dist/esm/node-adapter.mjs' as string)).default as (port: MessagePort) => comlink.Endpoint;
const services: Record<string, Service> = {
  remote: wrap<Service>(portTo('remote')) as unknown as Service,
  comlink: comlink.wrap<Service>(nodeEndpoint(portTo('comlink'))) as unknown as Service,
  capnweb: newMessagePortRpcSession(portTo('capnweb')) as unknown as Service
};
for (const [name, [calls, run]] of Object.entries(cases)) {
  const times: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [peer, service] of Object.entries(services)) {
      const begun = performance.now();
      try {
        await run(service, peer);
      } catch {
        continue;
      }
      if (round) (times[peer] ??= []).push((performance.now() - begun) * 1000 / calls);
    }
  }
  process.stdout.write(`${name.padEnd(22)}${Object.entries(times).map(([peer, all]) => `${peer} ${median(all).toFixed(1)}`.padEnd(20)).join('')}\n`);
}
process.exit(0);
