import {writeFileSync} from 'node:fs';

interface Browser {
  name: string;
  lastResult: {total: number};
}

interface Result {
  suite: string[];
  description: string;
  success: boolean;
  skipped: boolean;
  time: number;
  log: string[];
}

interface Config {
  browsers: string[];
}

/** Prints a line for each test; the counts and the failures go to the file that test/run.js named. */
function createReporter({browsers: expected}: Config): object {
  const counts = {passed: 0, failed: 0, skipped: 0};
  const failures: string[] = [];
  let started = 0;

  const fail = (message: string) => {
    counts.failed++;
    failures.push(message);
    console.error(`✗ ${message}`);
  };

  return {
    // Karma adds entries to these.
    adapters: [],

    onSpecComplete({name}: Browser, {suite, description, success, skipped, time, log}: Result) {
      counts[skipped ? 'skipped' : success ? 'passed' : 'failed']++;
      const mark = skipped ? '-' : success ? '✓' : '✗';
      console.log(`${name}: ${mark} ${[...suite, description].join(' ')} (${time} ms)`);
      for (const line of log) console.log(indent(line));
      if (!skipped && !success) failures.push(`${name}: ${[...suite, description, ...log].join(' ')}`);
    },

    onBrowserLog({name}: Browser, log: string, type: string) {
      console.log(`${name}: console.${type} ${log}`);
    },

    onBrowserError({name}: Browser, error: unknown) {
      fail(`${name}: ${messageOf(error)}`);
    },

    onBrowserComplete({name, lastResult}: Browser) {
      started++;
      if (lastResult.total === 0) fail(`${name} ran no test`);
    },

    onExit(done: () => void) {
      if (started < expected.length) fail(`${expected.length - started} of ${expected.join(', ')} did not finish`);
      const {passed, failed, skipped} = counts;
      console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
      const file = process.env['TEST_COUNTS_FILE'];
      if (file) writeFileSync(file, JSON.stringify({...counts, failures}));
      done();
    }
  };
}
createReporter.$inject = ['config'];

function messageOf(error: unknown): string {
  if (typeof error === 'object' && error && 'message' in error) return String(error.message);
  return String(error);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

export const reporterPlugin = {'reporter:counting': ['factory', createReporter]};
