const columns = ['suite', 'passed', 'failed', 'skipped', 'seconds'];

/** The longest text of a failed test, in characters. */
const MAX_CHARS = 500;

/** A line for each failed test and each suite that ended badly. Whoever has only the end of a long output sees what failed. */
export function failuresOf(results) {
  return results.flatMap(({name, failures, problem}) => [...failures, ...(problem ? [problem] : [])]
    .map(text => `✗ ${name}: ${text.replace(/\s+/g, ' ').slice(0, MAX_CHARS)}`));
}

/** The table of all suites, the failures, and the totals as the last line. */
export function summary(results) {
  const rows = results.map(({name, passed, failed, skipped, seconds}) =>
    [name, passed, failed, skipped, seconds.toFixed(1)].map(String));
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map(row => row[i].length)));
  const line = row => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join('  ');
  const total = key => results.reduce((sum, result) => sum + result[key], 0);
  return [
    '', line(columns), ...rows.map(line), '', ...failuresOf(results),
    `${total('passed')} passed, ${total('failed')} failed`
  ].join('\n');
}
