/** A set of measurements: the median, and the range of the middle 80 in 100. */
export interface Spread {
  p10: number;
  p50: number;
  p90: number;
  count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  if (!values.length) throw new Error('no measurements');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => {
    const position = part * (sorted.length - 1);
    const below = sorted[Math.floor(position)]!;
    return below + (sorted[Math.ceil(position)]! - below) * (position % 1);
  };
  return {p10: at(0.1), p50: at(0.5), p90: at(0.9), count: sorted.length};
}
