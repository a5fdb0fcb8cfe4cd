const columns = ['suite', 'passed', 'failed', 'skipped', 'seconds'];

/** The table of all suites, and the totals as the last line. */
export function summary(results) {
  const rows = results.map(({name, passed, failed, skipped, seconds}) =>
    [name, passed, failed, skipped, seconds.toFixed(1)].map(String));
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map(row => row[i].length)));
  const line = row => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join('  ');
  const problems = results.filter(result => result.problem).map(({name, problem}) => `${name}: ${problem}`);
  const total = key => results.reduce((sum, result) => sum + result[key], 0);
  return [
    '', line(columns), ...rows.map(line), '', ...problems,
    `${total('passed')} passed, ${total('failed')} failed`
  ].join('\n');
}
