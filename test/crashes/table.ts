import type {Suite, Test} from 'mocha';
import {chromium, type Engine, engines} from './engines.js';

const missing = new Map<string, string>();

/** The same tests in each engine. */
export function inEveryEngine(what: string, tests: (engine: Engine) => void): void {
  describe(what, () => {
    for (const engine of engines) describe(engine.title, () => tests(engine));
  });
}

/** Tests that Firefox gives no means for; the table says why. */
export function inChromiumOnly(what: string, why: string, tests: (engine: Engine) => void): void {
  missing.set(what, why);
  describe(what, () => {
    describe(chromium.title, () => tests(chromium));
  });
}

after('print the table', function () {
  let root: Suite = (this.test as unknown as Test).parent!;
  while (root.parent) root = root.parent;
  const cells = new Map<string, Map<string, string>>();
  for (const what of root.suites) {
    for (const engine of what.suites) {
      for (const test of engine.tests) {
        const title = `${what.title} ${test.title}`;
        const row = cells.get(title) ?? new Map<string, string>();
        cells.set(title, row.set(engine.title, resultOf(test)));
        if (missing.has(what.title)) row.set('Firefox', 'not possible');
      }
    }
  }
  const width = Math.max(...[...cells.keys()].map(title => title.length));
  const line = (title: string, ...results: string[]) => [title.padEnd(width), ...results.map(result => result.padEnd(14))].join('  ').trimEnd();
  console.log(['', line('', ...engines.map(({title}) => title)),
    ...[...cells].map(([title, row]) => line(title, ...engines.map(engine => row.get(engine.title) ?? 'MISSING'))),
    ...[...missing].map(([what, why]) => `${what}: not possible in Firefox, ${why}`), ''].join('\n'));
});

function resultOf({state, duration = 0}: Test): string {
  if (state === 'passed') return `passed ${(duration / 1000).toFixed(1)} s`;
  return state === 'failed' ? 'FAILED' : 'NOT RUN';
}
