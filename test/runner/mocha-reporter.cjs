// CommonJS, because Mocha takes a reporter from what `require` returns.
const {writeFileSync} = require('node:fs');
const {reporters, Runner} = require('mocha');

/** Mocha's "spec" output. The counts and the failures also go to the file that run-suite.js names in TEST_COUNTS_FILE. */
module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failed = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) => failed.push(`${test.fullTitle()}: ${error?.message ?? error}`));
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const file = process.env.TEST_COUNTS_FILE;
      if (!file) return;
      const {passes, failures, pending} = runner.stats;
      writeFileSync(file, JSON.stringify({passed: passes, failed: failures, skipped: pending, failures: failed}));
    });
  }
};
