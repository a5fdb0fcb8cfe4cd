import type {Spread} from './statistics.js';

/** One line of the table. */
export interface Figure {
  what: string;
  /** In ms, unless a unit is named. */
  measured?: Spread;
  /** A figure that was measured once. */
  value?: number;
  unit?: string;
  /** The ratios of medians, by the name of the divisor. */
  ratios?: Record<string, number>;
  goal?: string;
}

export interface Scenario {
  title: string;
  figures?: Figure[];
  /** Why there are no figures. */
  failure?: string;
}

/** A table in Markdown for each scenario. */
export function tableOf(scenarios: readonly Scenario[]): string {
  return scenarios.map(({title, figures, failure}) => {
    const head = `\n### ${title}\n`;
    if (!figures) return `${head}\nno number: ${failure}`;
    const rows = figures.map(({what, measured, value, unit, ratios, goal}) => [
      what,
      measured ? `${short(measured.p50)} ${unit ?? ''}`.trim() : value === undefined ? '' : `${Number(value.toFixed(1))} ${unit ?? ''}`.trim(),
      measured ? `${short(measured.p10)}-${short(measured.p90)}` : '',
      Object.entries(ratios ?? {}).map(([over, ratio]) => `${ratio.toFixed(2)} × ${over}`).join(', '),
      goal ?? ''
    ]);
    return [head, ...aligned([['', 'p50, ms, or value', 'p10-p90', 'ratio of medians', 'goal'], ...rows])].join('\n');
  }).join('\n');
}

/** Rounds to about three digits. The figures are not more precise. */
function short(value: number): string {
  return value < 1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map(row => row[column]!.length)));
  const lines = rows.map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  return [lines[0]!, `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`, ...lines.slice(1)];
}
