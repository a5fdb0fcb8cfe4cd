import type {Suite, Test} from 'mocha';
import {columns, inColumns, notRun} from './cases.js';

/** Prints every case in every column, including cases that did not run. A case that did not run without a reason has failed. */
after('print the table', function () {
  let root: Suite = (this.test as unknown as Test).parent!;
  while (root.parent) root = root.parent;
  const rows = new Map<string, Map<string, Map<string, string>>>();
  for (const what of root.suites.filter(({title}) => inColumns.has(title))) {
    const cases = rows.get(what.title) ?? new Map<string, Map<string, string>>();
    rows.set(what.title, cases);
    const here = new Set(what.suites.flatMap(column => column.tests.map(({title}) => title)));
    for (const title of here) cases.set(title, new Map());
    for (const column of what.suites) for (const test of column.tests) cases.get(test.title)!.set(column.title, resultOf(test));
  }
  const reasons: string[] = [];
  for (const {what, column, label, reason} of notRun) {
    if (!reasons.includes(reason)) reasons.push(reason);
    for (const row of rows.get(what)?.values() ?? []) {
      if (!row.has(column)) row.set(column, `${label} [${reasons.indexOf(reason) + 1}]`);
    }
  }

  const first = Math.max(...[...rows.values()].flatMap(cases => [...cases.keys()].map(title => title.length + 2)));
  const widths = columns.map(({title}) => Math.max(title.length, 16));
  const line = (title: string, cells: string[]) => [title.padEnd(first), ...cells.map((cell, i) => cell.padEnd(widths[i]!))].join('  ').trimEnd();
  let unexplained = 0;
  const lines = ['', line('', columns.map(({title}) => title))];
  for (const [what, cases] of rows) {
    lines.push(what);
    for (const [title, row] of cases) {
      lines.push(line(`  ${title}`, columns.map(column => row.get(column.title) ?? MISSING)));
      unexplained += columns.filter(column => (row.get(column.title) ?? MISSING) === MISSING).length;
    }
  }
  console.log([...lines, '', ...reasons.map((reason, i) => `[${i + 1}] ${reason}`), ''].join('\n'));
  if (unexplained) throw new Error(`${unexplained} cases were not run, for no reason that was given`);
});

const MISSING = 'NOT RUN';

function resultOf({state, duration = 0}: Test): string {
  if (state === 'passed') return `passed ${(duration / 1000).toFixed(1)} s`;
  return state === 'failed' ? 'FAILED' : MISSING;
}
