/** `npx tsx bench/growth/run.ts`: time and memory against size. bench/README.md says what the figures mean. */
/* eslint-disable no-console */
import {mkdir, writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {fileURLToPath} from 'node:url';
import {connectRemotely} from '../../test/server/remote.js';
import {settled} from '../../test/waiting/settled.js';
import {ProxyConnection} from '../../lib/index.js';
import {spreadOf} from '../statistics.js';
import {startBenchServer} from '../server/server.js';
import {HostThread} from './host-thread.js';
import {type Point, plotOf, slopes} from './plots.js';

const COLLECTION = 'bench';
/** The number of edits whose median is one figure. */
const EDITS = 40;
/** The number of characters of a document, and of a paragraph of a long one. */
const BODY = 2000;

const quick = process.argv.includes('--quick');
const sizes = (...all: number[]): number[] => (quick ? all.slice(0, 2) : all);
const server = await startBenchServer();
const points: Point[] = [];
let spaces = 0;

/** One size of one subject, with a host and a store of its own. */
class Space {
  readonly namespace = `growth ${++spaces}`;
  readonly host = new HostThread(this.namespace, `${server.url}/${spaces}`);
  private readonly tabs: ProxyConnection[] = [];

  constructor(private readonly subject: string, private readonly size: number) {}

  openTab(): ProxyConnection {
    const tab = new ProxyConnection({namespace: this.namespace, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  note(what: string, value: number, unit: 'ms' | 'MB' | 'entries' = 'ms'): void {
    points.push({subject: this.subject, size: this.size, what, value, unit});
    console.log(`${this.subject} ${this.size}: ${what} ${value.toPrecision(3)} ${unit}`);
  }

  /** Notes how long the host's thread was busy without a break since the last figure. */
  async noteHost(what: string): Promise<void> {
    this.note(`longest pause of the host, ${what}`, await this.host.ask('pause'));
  }

  async end(): Promise<void> {
    this.note('heap of the host', await this.host.ask('heap'), 'MB');
    for (const tab of this.tabs) tab.close();
    await this.host.end();
  }
}

type Body = {text: string[]; n: number};

async function create(ids: readonly string[], paragraphs: number): Promise<void> {
  const remote = connectRemotely(`${server.url}/remote`);
  for (const id of ids) {
    const text = Array.from({length: paragraphs}, (_, i) => `${i} `.padEnd(BODY, 'x'));
    await settled(done => remote.get(COLLECTION, id).create({text, n: 0} satisfies Body, 'json0', done));
  }
  remote.close();
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function subscribeAll(tab: ProxyConnection, ids: readonly string[]): Promise<void> {
  tab.startBulk();
  const all = ids.map(id => settled(done => tab.get(COLLECTION, id).subscribe(done)));
  tab.endBulk();
  await Promise.all(all);
}

/** Submits an edit in one tab, and waits until it is shown in all the others. */
async function shown(from: ProxyConnection, to: readonly ProxyConnection[], id: string): Promise<void> {
  const all = Promise.all(to.map(tab => new Promise<void>(resolve => { tab.get(COLLECTION, id).once('op', () => resolve()); })));
  void from.get<Body>(COLLECTION, id).submitOp([{p: ['n'], na: 1}]);
  await all;
}

/** The median time of an edit from one tab to all the others. */
async function editTime(from: ProxyConnection, to: readonly ProxyConnection[], id: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < EDITS; i++) {
    times.push(await timed(() => shown(from, to, id)));
    await new Promise<void>(resolve => from.get(COLLECTION, id).whenNothingPending(() => resolve()));
  }
  return spreadOf(times).p50;
}

async function tabs(count: number): Promise<void> {
  const space = new Space('tabs', count);
  await space.host.ask('start');
  await create([space.namespace], 1);
  const all = Array.from({length: count}, () => space.openTab());
  space.note('all tabs have subscribed', await timed(() => Promise.all(all.map(tab => subscribeAll(tab, [space.namespace])))));
  await space.noteHost('subscribing');
  const late = space.openTab();
  space.note('one more tab subscribes', await timed(() => subscribeAll(late, [space.namespace])));
  space.note('an edit to all tabs', await editTime(late, all, space.namespace));
  await space.noteHost('editing');
  await space.end();
}

async function documents(count: number): Promise<void> {
  const space = new Space('documents', count);
  await space.host.ask('start');
  const ids = Array.from({length: count}, (_, i) => `${space.namespace} ${i}`);
  await create(ids, 1);
  const [one, other] = [space.openTab(), space.openTab()];
  space.note('the first tab subscribes to all', await timed(() => subscribeAll(one, ids)));
  await space.noteHost('first tab');
  space.note('the second tab subscribes to all', await timed(() => subscribeAll(other, ids)));
  await space.noteHost('second tab');
  space.note('an edit of one of them', await editTime(one, [other], ids[0]!));
  await space.noteHost('editing');
  space.note('the next host begins, and an edit is shown', await timed(async () => {
    await space.host.ask('restart');
    await shown(one, [other], ids.at(-1)!);
  }));
  await space.noteHost('new host');
  await space.end();
}

async function history(count: number): Promise<void> {
  const space = new Space('ops of history', count);
  await space.host.ask('start');
  await create([space.namespace], 1);
  const [one, other] = [space.openTab(), space.openTab()];
  for (const tab of [one, other]) await subscribeAll(tab, [space.namespace]);
  const doc = one.get<Body>(COLLECTION, space.namespace);
  doc.preventCompose = true;
  const took = await timed(async () => {
    for (let i = 0; i < count; i++) {
      void doc.submitOp([{p: ['n'], na: 1}]);
      if (i % 20 === 19) await new Promise<void>(resolve => doc.whenNothingPending(() => resolve()));
    }
    await new Promise<void>(resolve => doc.whenNothingPending(() => resolve()));
  });
  space.note('1,000 of the ops', took / count * 1000);
  await space.noteHost('writing');
  space.note('an edit after them', await editTime(one, [other], space.namespace));
  space.note('kept history', await space.host.ask('history'), 'entries');
  await space.noteHost('editing');
  space.note('the next host begins, and an edit is shown', await timed(async () => {
    await space.host.ask('restart');
    await shown(one, [other], space.namespace);
  }));
  await space.end();
}

async function size(paragraphs: number): Promise<void> {
  const space = new Space('KB of one document', paragraphs * BODY / 1000);
  await space.host.ask('start');
  await create([space.namespace], paragraphs);
  const [one, other] = [space.openTab(), space.openTab()];
  space.note('the first tab subscribes', await timed(() => subscribeAll(one, [space.namespace])));
  await space.noteHost('first tab');
  space.note('the second tab subscribes', await timed(() => subscribeAll(other, [space.namespace])));
  await space.noteHost('second tab');
  space.note('an edit', await editTime(one, [other], space.namespace));
  await space.noteHost('editing');
  await space.end();
}

const load = loadavg()[0]!;
for (const count of sizes(1, 10, 100)) await tabs(count);
for (const count of sizes(100, 1000, 10_000)) await documents(count);
for (const count of sizes(1000, 10_000, 100_000)) await history(count);
for (const paragraphs of sizes(100, 1000, 10_000)) await size(paragraphs);
await server.close();

const folder = fileURLToPath(new URL('../../build/bench', import.meta.url));
await mkdir(folder, {recursive: true});
await writeFile(`${folder}/growth.json`, `${JSON.stringify({at: new Date().toISOString(), load, quick, points}, null, 2)}\n`);
await writeFile(`${folder}/growth.svg`, plotOf(points));
console.log(`\n${slopes(points)}\n\nLoad of the machine before the run: ${load.toFixed(1)}.`);
process.exit(0);
