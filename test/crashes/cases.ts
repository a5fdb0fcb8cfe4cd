import {chromium, type Engine, engines} from './engines.js';
import {Stage} from './stage.js';
import './table.js';

/** Opens the stage of the test that runs; it is closed when the test ends. `query`: of the page's address. */
export type Open = (query?: string) => Promise<Stage>;

/** What has no cases in Firefox, and why not. */
export const impossibleInFirefox = new Map<string, string>();

/** The same cases in each engine. */
export function inEveryEngine(what: string, cases: (open: Open) => void): void {
  describe(what, () => {
    for (const engine of engines) describeIn(engine, cases);
  });
}

/** Cases that Firefox gives no means for. */
export function inChromiumOnly(what: string, why: string, cases: (open: Open) => void): void {
  impossibleInFirefox.set(what, why);
  describe(what, () => describeIn(chromium, cases));
}

function describeIn(engine: Engine, cases: (open: Open) => void): void {
  describe(engine.title, function () {
    this.timeout(180_000);
    let stage: Stage | undefined;
    cases(async query => (stage = await Stage.open(engine, query)));

    afterEach(async function () {
      const opened = stage;
      stage = undefined;
      if (this.currentTest?.state === 'failed') opened?.tell();
      await opened?.close();
    });
  });
}
