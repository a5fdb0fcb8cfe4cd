/** Why a tab does not use its shared worker. */
export interface WorkerTrouble {
  /**
   * - `load`: the script could not be loaded or parsed.
   * - `script`: the script threw an error.
   * - `idle`: the script ran and did not call `startHost`.
   * - `refusal`: the worker's host can't serve this tab.
   * - `silence`: the worker has not answered.
   * - `page`: the page could not create the worker, or could not send it the server's URL.
   */
  kind: 'load' | 'script' | 'idle' | 'refusal' | 'silence' | 'page';
  reason: string;
}

/** The script could not be loaded or parsed. */
export const NOT_LOADED: WorkerTrouble = {kind: 'load', reason: 'The shared worker\'s script could not be loaded'};
