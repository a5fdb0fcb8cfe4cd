/** Turns ShareDB's callbacks into promises: `await settled(done => doc.subscribe(done))`. */
export function settled(start: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start(error => (error ? reject(error) : resolve()));
  });
}

/** The error of a callback. Fails if there is none. */
export async function refused(start: (done: (error?: unknown) => void) => void): Promise<{code: unknown; message: string}> {
  try {
    await settled(start);
  } catch (error) {
    return error as {code: unknown; message: string};
  }
  throw new Error('it was accepted');
}
