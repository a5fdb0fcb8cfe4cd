/** Why a tab does not use its shared worker. */
export interface WorkerTrouble {
  /**
   * - `load`: the script could not be loaded or parsed;
   * - `script`: it threw an error;
   * - `idle`: it ran, and did not call `startHost`;
   * - `refusal`: its host can't serve this tab;
   * - `silence`: nobody has answered;
   * - `page`: the page could not make the worker, or not tell it where the server is.
   */
  kind: 'load' | 'script' | 'idle' | 'refusal' | 'silence' | 'page';
  reason: string;
}
