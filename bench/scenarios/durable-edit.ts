import type {Figure} from '../report.js';
import type {BenchStage} from '../stage.js';
import {spreadOf} from '../statistics.js';

const warmUp = 20;
const sizes = {'1 KB': 1000, '100 KB': 100_000, '1 MB': 1_000_000, '10 MB': 10_000_000};
const namespace = 'durable edit';
const paragraph = 'It was a bright cold day in April, and the clocks were striking thirteen. '.padEnd(97, '.');
const letters = 'abcdefghijklmnopqrstuvwxyz';

/** One character typed into documents of different sizes, until it is durable; without a server. */
export async function durableEdit(stage: BenchStage): Promise<Figure[]> {
  const rounds = stage.quick ? 20 : 100;
  const documents = Object.fromEntries(Object.entries(sizes).map(([id, size]) => [id, documentOf(size)]));
  const ids = Object.keys(documents);
  await stage.create(documents);
  const page = await stage.openPage();
  const source = {namespace, url: `${stage.server.url}/durable`, ids};
  await page.evaluate(options => globalThis.bench.openForDurableEdits(options), source);
  await stage.server.stop();
  const {edits, calls, put, putInWorker, echo, commits, written} = await page.evaluate(
    options => globalThis.bench.durableEdits(options), {namespace, ids, rounds, warmUp}
  );
  // An edit is durable if the next host finds and sends it.
  await stage.closePages(page);
  const next = await stage.openPage();
  await next.evaluate(options => globalThis.bench.openForDurableEdits(options), source);
  await stage.server.start();
  await next.evaluate(() => globalThis.bench.durableEditsSent());
  const typed = Array.from({length: warmUp + rounds + 1}, (_, n) => letters[n % letters.length]).join('');
  for (const id of ids) {
    const expected = documents[id]!;
    expected.paragraphs[expected.paragraphs.length >> 1] = typed + paragraph;
    const found = await stage.fetch<typeof expected>(id);
    if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`the document of ${id} is not what it should be at the server`);
    const {appends} = written[id]!.journal;
    if (appends !== rounds) throw new Error(`${rounds} edits of the document of ${id} made ${appends} records`);
  }
  await stage.closePages(next);

  const bare = spreadOf(put);
  const inWorker = spreadOf(putInWorker);
  const first = spreadOf(edits[ids[0]!]!);
  return [
    {what: 'bare put of the op, in the page', measured: bare},
    {what: 'message to the worker and back', measured: spreadOf(echo)},
    {what: 'the put in the worker, by message', measured: inWorker, ratios: {'bare put': inWorker.p50 / bare.p50}},
    ...ids.map((id): Figure => {
      const measured = spreadOf(edits[id]!);
      const goal = id === ids.at(-1) ? `≤ 1.5 × ${ids[0]}; ≤ 1.5 × bare put` : '';
      return {what: `edit, ${id}`, measured, goal, ratios: {
        [ids[0]!]: measured.p50 / first.p50, 'bare put': measured.p50 / bare.p50, 'put in worker': measured.p50 / inWorker.p50
      }};
    }),
    {what: 'of an edit: the commit in the host', measured: spreadOf(commits)},
    {what: 'commits per edit', value: commits.length / rounds / ids.length},
    ...ids.map((id): Figure => ({what: `submitOp alone, ${id}`, measured: spreadOf(calls[id]!)})),
    ...ids.map((id): Figure => ({what: `journal per edit, ${id}`, value: written[id]!.journal.appended / rounds, unit: 'B'})),
    ...ids.map((id): Figure => {
      const {appended, checkpointed} = written[id]!.afterPause;
      return {what: `one edit and 4 s of quiet, ${id}`, value: appended + checkpointed, unit: 'B'};
    })
  ];
}

function documentOf(size: number): {paragraphs: string[]} {
  // Each paragraph with its quotation marks and comma.
  return {paragraphs: Array.from({length: size / (paragraph.length + 3)}, () => paragraph)};
}
