/** Whether a call failed because the host was lost or did not answer in time. */
export function isLost(error: unknown): boolean {
  const {code} = error as {code?: unknown};
  return code === 'ERR_TABS_SESSION_ENDED' || code === 'ERR_TABS_TIMEOUT';
}
