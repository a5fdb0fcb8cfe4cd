import type {Figure, Scenario} from './report.js';
import type {Spread} from './statistics.js';

/** The parts of a run's JSON file that are compared with those of another run. */
export interface Report {
  at: string;
  browser: string;
  quick: boolean;
  scenarios: Record<string, Scenario>;
}

/** The smallest change of a ratio that counts, as a fraction. Two runs of the same code differ by up to this. */
const LEAST = 0.15;
/** The number of standard errors by which a ratio must change. */
const ERRORS = 3;

/**
 * The figures that got slower since an earlier run, as lines of a list. The machine is not equally fast in two runs, so this compares the
 * ratios to the scenario's own baseline, and leaves out figures without one.
 * @returns undefined if the runs can't be compared
 */
export function slowerThan(earlier: Report, now: Report): string[] | undefined {
  if (earlier.browser !== now.browser || earlier.quick !== now.quick) return undefined;
  return Object.entries(now.scenarios).flatMap(([name, {figures = []}]) => {
    const before = new Map(earlier.scenarios[name]?.figures?.map(figure => [figure.what, figure]));
    return figures.flatMap(figure => describe(name, before.get(figure.what), figure) ?? []);
  });
}

function describe(name: string, before: Figure | undefined, {what, measured, ratios = {}}: Figure): string | undefined {
  const [over] = Object.keys(ratios);
  const [was, is] = [over === undefined ? undefined : before?.ratios?.[over], over === undefined ? undefined : ratios[over]];
  if (!before?.measured || !measured || !was || !is) return undefined;
  const noise = Math.hypot(errorOf(before.measured), errorOf(measured));
  if (is / was - 1 <= Math.max(LEAST, ERRORS * noise)) return undefined;
  return `${name}, ${what}: ${is.toFixed(2)} × ${over}, was ${was.toFixed(2)} × (${Math.round((is / was - 1) * 100)} % more; noise ${Math.round(100 * noise)} %)`;
}

/**
 * The standard error of a ratio of medians, in proportion to it. The middle 80 % of a normal distribution are 2.56 standard deviations wide. The
 * error of a median is 1.25 / √n of one. The baseline, which took turns with the figure, is assumed to have the same error.
 */
function errorOf({p10, p50, p90, count}: Spread): number {
  return Math.SQRT2 * 1.25 * (p90 - p10) / 2.56 / p50 / Math.sqrt(count);
}
