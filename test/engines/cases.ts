import {type Engine, type EngineName, engines} from './drivers/index.js';
import {type Hosting, hostings} from './hosting.js';
import {Stage, type StageOptions} from './stage.js';
import './table.js';

/** Opens the stage of the test that runs; it is closed when the test ends. */
export type Open = (options?: StageOptions) => Promise<Stage>;

/** Why cases can't be had: in an engine, with a way to host, or in an engine with a way to host. */
export type Impossible = Partial<Record<EngineName | Hosting | `${EngineName}, ${Hosting}`, string>>;

/** What was said of cases that can't be had: by column, the title of the cases and the reason. */
export const impossible: {what: string; column: string; reason: string}[] = [];

export interface Column {
  title: string;
  engine: Engine;
  hosting: Hosting;
}

export const columns: readonly Column[] = engines.flatMap(engine =>
  hostings.map(hosting => ({title: `${engine.title}, ${hosting}`, engine, hosting})));

/** The same cases in each engine and with each way to host, except where there is a reason why they can't be had. */
export function inEveryEngine(what: string, cases: (open: Open) => void, reasons: Impossible = {}): void {
  describe(what, () => {
    for (const column of columns) {
      const {title, engine, hosting} = column;
      const reason = reasons[engine.title] ?? reasons[hosting] ?? reasons[title as keyof Impossible];
      if (reason === undefined) describeIn(column, cases);
      else impossible.push({what, column: title, reason});
    }
  });
}

function describeIn({title, engine, hosting}: Column, cases: (open: Open) => void): void {
  describe(title, function () {
    this.timeout(120_000);
    let stage: Stage | undefined;
    cases(async options => (stage = await Stage.open(engine, hosting, options)));

    // A browser that ends by itself in the middle of a case says nothing of the library: a second try, which is said.
    beforeEach(function () {
      const test = this.currentTest!;
      const retries = (): number => (stage && !stage.browser.isRunning ? 1 : 0);
      Object.assign(test, {retries});
    });

    afterEach(async function () {
      const opened = stage;
      stage = undefined;
      if (this.currentTest?.state === 'failed') opened?.tell();
      await opened?.close();
    });
  });
}
