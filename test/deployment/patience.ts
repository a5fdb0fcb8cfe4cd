/** The longest that anything is waited for, in ms. Pauses between attempts are up to 10 s, and the machine may be busy. */
export const PATIENCE = 180_000;
