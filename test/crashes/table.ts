import type {Suite, Test} from 'mocha';
import {impossibleInFirefox} from './cases.js';
import {engines} from './engines.js';

/** Every case in every engine, those too that did not run. */
after('print the table', function () {
  let root: Suite = (this.test as unknown as Test).parent!;
  while (root.parent) root = root.parent;
  const rows = new Map<string, Map<string, string>>();
  for (const what of root.suites) {
    for (const engine of what.suites) {
      for (const test of engine.tests) {
        const title = `${what.title} ${test.title}`;
        const row = rows.get(title) ?? new Map<string, string>();
        rows.set(title, row.set(engine.title, resultOf(test)));
        if (impossibleInFirefox.has(what.title)) row.set('Firefox', 'not possible');
      }
    }
  }
  const width = Math.max(...[...rows.keys()].map(title => title.length));
  const line = (title: string, results: string[]) => [title.padEnd(width), ...results.map(result => result.padEnd(14))].join('  ').trimEnd();
  console.log([
    '',
    line('', engines.map(({title}) => title)),
    ...[...rows].map(([title, row]) => line(title, engines.map(engine => row.get(engine.title) ?? 'MISSING'))),
    ...[...impossibleInFirefox].map(([what, why]) => `${what}: not possible in Firefox, ${why}`),
    ''
  ].join('\n'));
});

function resultOf({state, duration = 0}: Test): string {
  if (state === 'passed') return `passed ${(duration / 1000).toFixed(1)} s`;
  return state === 'failed' ? 'FAILED' : 'NOT RUN';
}
