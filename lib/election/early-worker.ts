/**
 * Starts a shared worker before the connection is created, so that both work in parallel. Creating the connection takes some ms in
 * a new page, mostly for the first access to localStorage (measured in Chromium).
 * @returns a replacement for `create`. Its first call returns the started worker; later calls create others.
 */
export function startEarly(create: () => SharedWorker): () => SharedWorker {
  let early: SharedWorker | undefined;
  try {
    early = create();
  } catch {
    // The connection calls `create` again and reports the error.
  }
  return () => {
    const worker = early ?? create();
    early = undefined;
    return worker;
  };
}
