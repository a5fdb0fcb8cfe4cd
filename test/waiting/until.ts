let usual = 25_000;

/** Sets the usual deadline of {@link until}, in ms: a browser on a busy machine needs more time than Node. */
export function setUsualDeadline(ms: number): void {
  usual = ms;
}

/**
 * Waits for a condition that no event reports: checks it repeatedly, and fails with `what` if it does not hold within `deadline`
 * milliseconds. Runs in Node and in pages.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = usual
): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadline} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
