import type {Doc} from 'sharedb/lib/client/index.js';
import {createConnection, type TabConnection} from '../../../lib/index.js';
import {service} from '../../../lib/remote.js';
import {settled} from '../../../test/waiting/settled.js';
import {now, pause} from '../now.js';
import type {BenchService} from './host-worker.js';

export interface CountedPlace {
  /** Whether the host has services. */
  hasServices: boolean;
  namespace: string;
  url: string;
  id: string;
}

const seen = new BroadcastChannel('bench: services');
const opened: Record<string, {connection: TabConnection; doc: Doc<{n: number}>}> = {};

async function open(places: Record<string, CountedPlace>): Promise<void> {
  for (const [name, {hasServices, namespace, url, id}] of Object.entries(places)) {
    const connection = createConnection({
      url, namespace, mode: 'shared-worker',
      sharedWorker: () => hasServices
        ? new SharedWorker(new URL('./host-worker.ts', import.meta.url), {type: 'module', name: namespace})
        : new SharedWorker(new URL('./bare-host-worker.ts', import.meta.url), {type: 'module', name: namespace})
    });
    const doc = connection.get('bench', id) as unknown as Doc<{n: number}>;
    opened[name] = {connection, doc};
    await settled(done => doc.subscribe(done));
  }
}

/** In the watching page: reports when each edit has arrived. */
function watch(): void {
  for (const [name, {doc}] of Object.entries(opened)) doc.on('op', (_op: unknown, source: unknown) => { if (!source) seen.postMessage({name, n: doc.data!.n, at: now()}); });
}

/** ms of each case. The cases take turns, and each begins when nothing is under way. */
async function measure({rounds, warmUp}: {rounds: number; warmUp: number}): Promise<Record<string, number[]>> {
  const {connection, doc} = opened['with services']!;
  const bench = service<BenchService>(connection, 'bench');
  await bench.open(doc.id);
  const {port} = new SharedWorker(new URL('./echo-worker.ts', import.meta.url), {type: 'module', name: 'echo'});
  const arrived = new Map<string, (at: number) => void>();
  seen.onmessage = ({data: {name, n, at}}) => arrived.get(`${name} ${n}`)?.(at as number);
  const edit = (name: string) => async (): Promise<number> => {
    const {doc: edited} = opened[name]!;
    const there = new Promise<number>(resolve => arrived.set(`${name} ${edited.data!.n + 1}`, resolve));
    const start = now();
    edited.submitOp([{p: ['n'], na: 1}]);
    return (await there) - start;
  };
  const timed = (act: () => PromiseLike<unknown>) => async (): Promise<number> => {
    const start = performance.now();
    await act();
    return performance.now() - start;
  };
  const cases: Record<string, () => Promise<number>> = {
    message: timed(() => new Promise(resolve => {
      port.onmessage = resolve;
      port.postMessage([1, 2]);
    })),
    call: timed(async () => { if (await bench.pure(1, 2) !== 3) throw new Error('a wrong sum'); }),
    edit: edit('with services'),
    'edit without services': edit('without services'),
    'call with an op': timed(async () => {
      const {n} = doc.data!;
      await bench.add();
      if (doc.data!.n !== n + 1) throw new Error('the op is not shown');
    })
  };
  const names = Object.keys(cases);
  const times: Record<string, number[]> = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round < warmUp + rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const ms = await cases[name]!();
      if (round >= warmUp) times[name]!.push(ms);
      if (connection.state === 'connected') for (const {doc: one} of Object.values(opened)) await settled(done => one.whenNothingPending(done));
      await pause(2);
    }
  }
  return times;
}

const isOnline = (): boolean => Object.values(opened).every(({connection}) => connection.state === 'connected');

/** The numbers in the documents, when the server has all edits. */
async function numbers(): Promise<Record<string, number>> {
  for (const {doc} of Object.values(opened)) await settled(done => doc.whenNothingPending(done));
  return Object.fromEntries(Object.entries(opened).map(([name, {doc}]) => [name, doc.data!.n]));
}

/** The functions that the runner calls in a page. */
const commands = {open, watch, measure, isOnline, numbers};

declare global {
  var servicesBench: typeof commands;
}

globalThis.servicesBench = commands;
