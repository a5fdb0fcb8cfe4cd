/**
 * Starts a shared worker before its connection is made, which takes some ms in a new page, mostly for the first look into
 * localStorage (measured in Chromium). The worker's script loads meanwhile.
 * @returns creates workers like `create`, and gives the started one first
 */
export function startEarly(create: () => SharedWorker): () => SharedWorker {
  let early: SharedWorker | undefined;
  try {
    early = create();
  } catch {
    // The connection calls `create` again, and reports the error.
  }
  return () => {
    const worker = early ?? create();
    early = undefined;
    return worker;
  };
}
