/** Whether the host was lost before it answered to a call. */
export function isLost(error: unknown): boolean {
  const {code} = error as {code?: unknown};
  return code === 'ERR_TABS_SESSION_ENDED' || code === 'ERR_TABS_TIMEOUT';
}
