/** `npm run bench`; `npm run bench -- durable-edit` runs one scenario. bench/README.md says what the figures mean. */
/* eslint-disable no-console */
import {mkdir, writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {fileURLToPath} from 'node:url';
import {build} from './build.js';
import {type Figure, type Scenario, tableOf} from './report.js';
import {durableEdit} from './scenarios/durable-edit.js';
import {acknowledged, tabToTab} from './scenarios/edits.js';
import {offlineStart} from './scenarios/offline-start.js';
import {Stage} from './stage.js';

const scenarios: Record<string, {title: string; run(stage: Stage): Promise<Figure[]>}> = {
  'durable-edit': {title: 'A small edit until it is durable, without a server', run: durableEdit},
  'offline-start': {title: '1,000 documents of 2 KB, new page and new host, without a server', run: offlineStart},
  'tab-to-tab': {title: 'An edit from one tab to another', run: tabToTab},
  acknowledged: {title: 'An edit until the server has acknowledged it', run: acknowledged}
};

const folder = fileURLToPath(new URL('../build/bench', import.meta.url));
const names = process.argv.slice(2);
const unknown = names.filter(name => !Object.hasOwn(scenarios, name));
if (unknown.length) {
  console.error(`No such scenario: ${unknown.join(', ')}. There are: ${Object.keys(scenarios).join(', ')}.`);
  process.exit(2);
}

const load = loadavg()[0]!;
await build(`${folder}/pages`);
const results: Record<string, Scenario> = {};
let version = '';
for (const name of names.length ? names : Object.keys(scenarios)) {
  results[name] = await resultOf(scenarios[name]!);
}
await mkdir(folder, {recursive: true});
await writeFile(`${folder}/results.json`, `${JSON.stringify({at: new Date().toISOString(), browser: version, load, scenarios: results}, null, 2)}\n`);
console.log(tableOf(Object.values(results)));
console.log(`\n${version}. Load of the machine before the run: ${load.toFixed(1)}.`);
process.exit(Object.values(results).some(({failure}) => failure) ? 1 : 0);

/** Each scenario has a browser and a server of its own. */
async function resultOf({title, run}: (typeof scenarios)[string]): Promise<Scenario> {
  let stage: Stage | undefined;
  try {
    stage = await Stage.open(`${folder}/pages`);
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
