/** `npm run bench`; `npm run bench -- durable-edit` runs one scenario. bench/README.md says what the figures mean. */
/* eslint-disable no-console */
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {build} from './build.js';
import {type Report, slowerThan} from './compare.js';
import {pictureOf} from './pictures.js';
import {type Figure, type Scenario, tableOf} from './report.js';
import {durableEdit} from './scenarios/durable-edit.js';
import {acknowledged, submitCall, tabToTab} from './scenarios/edits.js';
import {firstTab} from './scenarios/first-tab.js';
import {keystroke} from './scenarios/keystroke.js';
import {manyTabs} from './scenarios/many-tabs.js';
import {offlineStart} from './scenarios/offline-start.js';
import {remoteCalls} from './scenarios/remote-calls.js';
import {secondTab} from './scenarios/second-tab.js';
import {services} from './scenarios/services.js';
import {throughput} from './scenarios/throughput.js';
import {unconcerned} from './scenarios/unconcerned.js';
import {BenchStage} from './stage.js';

const scenarios: Record<string, {title: string; run(stage: BenchStage): Promise<Figure[]>}> = {
  'tab-to-tab': {title: 'An edit from one tab to another', run: tabToTab},
  keystroke: {title: 'A key until another window has painted its character, with Quill', run: keystroke},
  acknowledged: {title: 'An edit until the server has acknowledged it', run: acknowledged},
  'submit-call': {title: 'The call of submitOp', run: submitCall},
  'first-tab': {title: 'Documents of 2 KB in the first tab, with a new worker', run: firstTab},
  'second-tab': {title: '1,000 documents of 2 KB in a second tab', run: secondTab},
  'many-tabs': {title: 'Tabs on 100 documents that get 50 ops a second', run: manyTabs},
  throughput: {title: 'Typing as fast as it can', run: throughput},
  unconcerned: {title: 'An edit beside what it does not concern', run: unconcerned},
  'durable-edit': {title: 'A small edit until it is durable, without a server', run: durableEdit},
  'offline-start': {title: '1,000 documents of 2 KB, new page and new host, without a server', run: offlineStart},
  'remote-calls': {title: 'Calls between a page and its worker', run: remoteCalls},
  services: {title: 'Calls of a service in the host', run: services}
};

const folder = fileURLToPath(new URL('../build/bench', import.meta.url));
const {values, positionals: names} = parseArgs({
  allowPositionals: true,
  options: {
    firefox: {type: 'boolean', default: false},
    quick: {type: 'boolean', default: false},
    json: {type: 'string', default: `${folder}/results.json`}
  }
});
const unknown = names.filter(name => !Object.hasOwn(scenarios, name));
if (unknown.length) {
  console.error(`No such scenario: ${unknown.join(', ')}. There are: ${Object.keys(scenarios).join(', ')}.`);
  process.exit(2);
}

const load = loadavg()[0]!;
const pages = `${folder}/pages`;
const engine = values.firefox ? 'firefox' : 'chromium';
await build(pages);
const earlier = await readReport(values.json);
const results: Record<string, Scenario & {seconds: number}> = {};
let version = '';
for (const name of names.length ? names : Object.keys(scenarios)) {
  const start = performance.now();
  const result = await resultOf(scenarios[name]!);
  const seconds = Math.round((performance.now() - start) / 1000);
  console.error(`${name}: ${result.failure ? 'no number' : 'measured'}, ${seconds} s`);
  results[name] = {...result, seconds};
  // The file is written after each scenario, so that an interrupted run keeps its results.
  const report = {at: new Date().toISOString(), browser: version, load, quick: values.quick, scenarios: results};
  await mkdir(dirname(values.json), {recursive: true});
  await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  const picture = pictureOf(result);
  if (picture) await writeFile(`${dirname(values.json)}/${name}.svg`, picture);
}
console.log(tableOf(Object.values(results)));
console.log(`\n${version}. Load of the machine before the run: ${load.toFixed(1)}.`);
if (earlier) printComparison(earlier, {at: '', browser: version, quick: values.quick, scenarios: results});
process.exit(Object.values(results).some(({failure}) => failure) ? 1 : 0);

/** The report of the last run, which this one replaces. */
async function readReport(path: string): Promise<Report | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text) as Report;
}

function printComparison(earlier: Report, now: Report): void {
  const slower = slowerThan(earlier, now);
  const since = `the run of ${earlier.at}`;
  if (!slower) console.log(`\nNot compared with ${since}: it had another browser, or other numbers of rounds.`);
  else if (!slower.length) console.log(`\nNothing got slower than in ${since} by more than its noise.`);
  else console.log([`\nSlower than in ${since} by more than the noise:`, ...slower.map(line => `- ${line}`)].join('\n'));
}

/** Each scenario has a browser and a server of its own. */
async function resultOf({title, run}: (typeof scenarios)[string]): Promise<Scenario> {
  let stage: BenchStage | undefined;
  try {
    stage = await BenchStage.open({pages, engine, quick: values.quick});
    version = await stage.browser.version();
    const figures = await run(stage);
    stage.expectNoErrors();
    return {title, figures};
  } catch (error) {
    return {title, failure: (error as Error).stack ?? String(error)};
  } finally {
    await stage?.close();
  }
}
