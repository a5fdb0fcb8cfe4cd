import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';

const namespace = 'offline start';
const ids = Array.from({length: 1000}, (_, i) => `document ${i}`);
const bodyOf = (id: string): string => `${id}: `.padEnd(2000, 'All happy families are alike. ');

/** 1,000 stored documents in a new page, with a new host, without a server. */
export async function offlineStart(stage: BenchStage): Promise<Figure[]> {
  const rounds = stage.quick ? 2 : 8;
  await stage.create(Object.fromEntries(ids.map(id => [id, {body: bodyOf(id)}])));
  const source = {namespace, url: `${stage.server.url}/offline`, ids};
  const first = await stage.openPage();
  await first.evaluate(from => globalThis.bench.storeDocuments(from), source);
  const {records} = await first.evaluate(name => globalThis.bench.copyToBareStore(name), namespace);
  if (records !== ids.length) throw new Error(`${records} documents are stored`);
  await stage.closePages(first);
  await stage.server.stop();

  const expected = ids.map(bodyOf).sort().join();
  const check = ({bodies}: {bodies: string[]}): void => {
    if (bodies.sort().join() !== expected) throw new Error('what was read is not what was stored');
  };
  const times = {bare: [] as number[], worker: [] as number[], answered: [] as number[], all: [] as number[], host: [] as number[], documents: [] as number[]};
  const steps = [
    async () => {
      const page = await stage.openPage();
      const read = await page.evaluate(name => globalThis.bench.readBare(name), namespace);
      check(read);
      times.bare.push(read.ms);
      await stage.closePages(page);
    },
    async () => {
      const page = await stage.openPage();
      const read = await page.evaluate(name => globalThis.bench.readInBareWorker(name), namespace);
      check(read);
      times.worker.push(read.ms);
      await stage.closePages(page);
    },
    async () => {
      const page = await stage.openPage();
      times.answered.push(await page.evaluate(from => globalThis.bench.subscribeAll({way: 'answered', ...from}), source));
      check({bodies: await page.evaluate(() => globalThis.bench.shownDocuments().map(data => (data as {body: string}).body))});
      await stage.closePages(page);
    },
    async () => {
      const page = await stage.openPage();
      const read = await page.evaluate(from => globalThis.bench.readDocuments(from), source);
      check(read);
      times.all.push(read.ms);
      times.host.push(read.host);
      times.documents.push(read.documents);
      await stage.closePages(page);
    }
  ];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < steps.length; i++) await steps[(i + round) % steps.length]!();
  }
  await stage.server.start();

  const bare = spreadOf(times.bare);
  const worker = spreadOf(times.worker);
  const answered = spreadOf(times.answered);
  const all = spreadOf(times.all);
  const documents = spreadOf(times.documents);
  return [
    {what: 'bare getAll, in the page', measured: bare},
    {what: 'bare getAll in a new worker', measured: worker, ratios: {'bare getAll': worker.p50 / bare.p50}},
    {what: 'ShareDB\'s client, answered by a new worker', measured: answered, ratios: {'bare getAll': answered.p50 / bare.p50}},
    {what: 'all documents shown', measured: all, goal: '≤ 2 × bare getAll',
      ratios: {'bare getAll': all.p50 / bare.p50, 'new worker': all.p50 / worker.p50, answered: all.p50 / answered.p50}},
    {what: 'of that: until the host answered', measured: spreadOf(times.host)},
    {what: 'of that: from then on', measured: documents, ratios: {'bare getAll': documents.p50 / bare.p50}}
  ];
}
