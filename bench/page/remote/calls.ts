import type {Peer} from './peer.js';
import type {Callback, Service} from './service.js';

const small = Array.from({length: 40}, (_, n) => ({id: `item-${n}`, n, on: true}));
const large = Array.from({length: 16_000}, (_, n) => ({id: `item-${n}`, text: 'x'.repeat(30), n}));

interface Case {
  /** Calls in each measurement. */
  calls: number;
  callbacks?: boolean;
  run(service: Service, peer: Peer): Promise<unknown>;
  /** The result of `run`. */
  result?: unknown;
}

async function inOrder(times: number, act: () => PromiseLike<unknown>): Promise<unknown> {
  let result: unknown;
  for (let n = 0; n < times; n++) result = await act();
  return result;
}

const sum = async (calls: PromiseLike<number>[]): Promise<number> => (await Promise.all(calls)).reduce((a, b) => a + b, 0);
const fresh = ({callback = f => f}: Peer): Callback => callback(n => n + 1);
const awaited = async (service: Service): Promise<number> => await service.add(await service.add(await service.add(1, 2), 3), 4);
const echoed = async (service: Service, times: number, value: unknown[]): Promise<unknown> =>
  ((await inOrder(times, () => service.echo(value))) as unknown[]).length;

const cases = {
  'one call after another': {calls: 200, run: service => inOrder(200, () => service.add(1, 2)), result: 3},
  '1,000 calls in one turn': {calls: 1000, run: service => sum(Array.from({length: 1000}, () => service.add(1, 2))), result: 3000},
  'calls that call back, one after another': {calls: 100, callbacks: true, run: (service, peer) => inOrder(100, () => service.call(fresh(peer))), result: 2},
  '500 calls in one turn, each with a new callback': {
    calls: 500, callbacks: true, run: (service, peer) => sum(Array.from({length: 500}, () => service.call(fresh(peer)))), result: 1000
  },
  'three calls, each with the result of the one before': {
    calls: 50, run: (service, peer) => inOrder(50, () => (peer.chain ?? awaited)(service)), result: 10
  },
  'an echo of 2 KB': {calls: 100, run: service => echoed(service, 100, small), result: small.length},
  'an echo of 1 MB': {calls: 2, run: service => echoed(service, 2, large), result: large.length}
} satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

const services: Record<string, Service> = {};

/** Starts a worker for each library. */
export async function startWorkers(scripts: Record<string, string>): Promise<void> {
  for (const [name, script] of Object.entries(scripts)) {
    services[name] = await globalThis.peers[name]!.connect(script);
    if (await services[name].add(1, 2) !== 3) throw new Error(`${name} can't add`);
  }
}

/** µs for each call of a case, by library. No library always follows the same other one. */
export async function timesOfCalls({title, rounds}: {title: CaseName; rounds: number}): Promise<Record<string, number[]>> {
  const {calls, run, result, callbacks = false} = cases[title] as Case;
  const names = Object.keys(services).filter(name => !callbacks || globalThis.peers[name]!.callbacks !== false);
  const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  // The first two rounds warm up.
  for (let round = -2; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + names.length) % names.length]!;
      const start = performance.now();
      const found = await run(services[name]!, globalThis.peers[name]!);
      const us = (performance.now() - start) * 1000 / calls;
      if (found !== result) throw new Error(`${name}, ${title}: ${found}, not ${result}`);
      if (round >= 0) times[name]!.push(us);
    }
  }
  return times;
}

const given: Callback[] = [];

/** Gives the worker so many more callbacks, which both sides keep. */
export async function keepCallbacks(name: string, count: number): Promise<void> {
  const peer = globalThis.peers[name]!;
  for (let n = 0; n < count; n += 500) {
    const some = Array.from({length: 500}, () => fresh(peer));
    given.push(...some);
    await Promise.all(some.map(callback => services[name]!.keep(callback)));
  }
}
