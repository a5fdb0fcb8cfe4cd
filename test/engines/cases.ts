import {type Engine, type EngineName, engines} from './drivers/index.js';
import {type Hosting, hostings} from './hosting.js';
import {EngineStage, type StageOptions} from './stage.js';
import './table.js';

/** Opens the stage of the test that runs; it is closed when the test ends. */
export type Open = (options?: StageOptions) => Promise<EngineStage>;

/** Why cases are impossible: in an engine, in a hosting mode, or in a combination. */
export type Impossible = Partial<Record<EngineName | Hosting | `${EngineName}, ${Hosting}`, string>>;

/** The cases that do not run, so far: by column, the title of the cases and the reason. */
export const notRun: {what: string; column: string; label: 'not possible' | 'not selected'; reason: string}[] = [];

/** The titles of the cases that run in every column: the rows of the table. */
export const inColumns = new Set<string>();

export interface Column {
  title: string;
  engine: Engine;
  hosting: Hosting;
}

export const columns: readonly Column[] = engines.flatMap(engine =>
  hostings.map(hosting => ({title: `${engine.title}, ${hosting}`, engine, hosting})));

/**
 * `ENGINES_HALF=0` or `1`: each case runs in half of the columns, in one hosting mode of each engine. The next case has the other modes, and
 * the other number has the other half. All columns take twice as long.
 */
const {ENGINES_HALF} = process.env;
const otherHalf = `this run tests half of the columns (ENGINES_HALF=${ENGINES_HALF}), and this column is in the other half`;

function isInHalf(row: number, engine: Engine, hosting: Hosting): boolean {
  return ENGINES_HALF === undefined || (row + engines.indexOf(engine) + hostings.indexOf(hosting) + Number(ENGINES_HALF)) % 2 === 0;
}

/** Runs the same cases in each engine and hosting mode, unless there is a reason why they are impossible. */
export function inEveryEngine(what: string, cases: (open: Open) => void, reasons: Impossible = {}): void {
  const row = inColumns.size;
  inColumns.add(what);
  describe(what, () => {
    for (const column of columns) {
      const {title, engine, hosting} = column;
      const reason = reasons[engine.title] ?? reasons[hosting] ?? reasons[title as keyof Impossible];
      if (reason !== undefined) notRun.push({what, column: title, label: 'not possible', reason});
      else if (isInHalf(row, engine, hosting)) describeIn(column, cases);
      else notRun.push({what, column: title, label: 'not selected', reason: otherHalf});
    }
  });
}

function describeIn({title, engine, hosting}: Column, cases: (open: Open) => void): void {
  describe(title, function () {
    this.timeout(240_000);
    let stage: EngineStage | undefined;
    cases(async options => (stage = await EngineStage.open(engine, hosting, options)));

    // Mocha asks when a case has failed.
    beforeEach(function () {
      const test = this.currentTest!;
      const retries = (): number => {
        if (!stage?.isBrowsersFault) return 0;
        console.warn(`      ${title} is at fault itself: ${test.title} is tried again`);
        return 2;
      };
      Object.assign(test, {retries});
    });

    afterEach(async function () {
      const opened = stage;
      stage = undefined;
      const test = this.currentTest!;
      // The table looks at the first try.
      const firstTry = (test as unknown as {retriedTest(): Mocha.Test | undefined}).retriedTest();
      if (firstTry) Object.assign(firstTry, {state: test.state, duration: test.duration});
      if (test.state === 'failed') opened?.tell();
      await opened?.close();
    });
  });
}
