/** Milliseconds on a clock that all pages of this machine share. */
export const now = (): number => performance.timeOrigin + performance.now();

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
