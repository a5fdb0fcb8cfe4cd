/**
 * `npm test`. Runs every suite, or those named on the command line (`node test/run.js node karma`), to the end, whatever fails.
 * The suites that use browsers run one after the other, and in parallel with them the others, which need one core.
 * The output is that of one suite after the other. The last line is `N passed, M failed`. The failures are also appended to the
 * file that the environment variable FAILURES_FILE names.
 */
import {appendFileSync} from 'node:fs';
import {OutputInOrder} from './runner/output-in-order.js';
import {runSuite} from './runner/run-suite.js';
import {defaultSuites, suites} from './runner/suites.js';
import {failuresOf, summary} from './runner/summary.js';

const names = process.argv.slice(2);
const unknown = names.filter(name => !(name in suites));
if (unknown.length) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: ${Object.keys(suites).join(', ')}.`);
  process.exit(2);
}

const chosen = names.length ? names : defaultSuites;
const printer = new OutputInOrder();
const outputs = new Map(chosen.map(name => [name, printer.open()]));
const results = new Map();
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => abort.abort());

async function runInTurn(suitesInTurn) {
  for (const name of suitesInTurn) {
    if (abort.signal.aborted) return;
    results.set(name, await runSuite(name, suites[name], outputs.get(name), abort.signal));
  }
}

const usesBrowsers = name => suites[name].browsers === true;
await Promise.all([runInTurn(chosen.filter(name => !usesBrowsers(name))), runInTurn(chosen.filter(usesBrowsers))]);
if (abort.signal.aborted) process.exit(130);

const inOrder = chosen.map(name => results.get(name));
console.log(summary(inOrder));
if (process.env.FAILURES_FILE) appendFileSync(process.env.FAILURES_FILE, failuresOf(inOrder).map(line => `${line}\n`).join(''));
process.exitCode = inOrder.some(result => result.failed > 0) ? 1 : 0;
