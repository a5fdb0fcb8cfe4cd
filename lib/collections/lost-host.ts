const codeOf = (error: unknown): unknown => (error as {code?: unknown}).code;

/** Whether a call failed because the host did not answer in time. The session may continue. */
export const isTimeout = (error: unknown): boolean => codeOf(error) === 'ERR_TABS_TIMEOUT';

/** Whether a call failed because the host was lost or did not answer in time. */
export const isLost = (error: unknown): boolean => codeOf(error) === 'ERR_TABS_SESSION_ENDED' || isTimeout(error);
