/** The longest delay of a timer, in ms: 24.8 days. Engines fire longer ones at once (HTML: a signed 32-bit integer). */
export const LONGEST_DELAY_MS = 2 ** 31 - 1;
