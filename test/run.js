/**
 * `npm test`. Runs every suite, or those named on the command line (`node test/run.js node karma`),
 * one after the other, to the end, whatever fails. The last line is `N passed, M failed`.
 */
import {runSuite} from './runner/run-suite.js';
import {defaultSuites, suites} from './runner/suites.js';
import {summary} from './runner/summary.js';

const names = process.argv.slice(2);
const unknown = names.filter(name => !(name in suites));
if (unknown.length) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: ${Object.keys(suites).join(', ')}.`);
  process.exit(2);
}

const results = [];
for (const name of names.length ? names : defaultSuites) {
  console.log(`\n=== ${name}: ${suites[name].title}\n`);
  results.push(await runSuite(name, suites[name]));
}

console.log(summary(results));
process.exitCode = results.some(result => result.failed > 0) ? 1 : 0;
