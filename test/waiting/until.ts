/**
 * Waits for a condition that no event reports: checks it repeatedly, and fails with `what` if it does not hold within `deadline`
 * milliseconds. The usual deadline is long, because a busy machine may stop a browser for half a minute. Runs in Node and in pages.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadline = 60_000
): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadline} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
