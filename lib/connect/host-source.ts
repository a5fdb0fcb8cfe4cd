import type {Mode} from './options.js';

/** A way for a tab to get a host. */
export interface HostSource {
  readonly mode: Mode;
  /** Makes sure that there is a host, or will be. Called again when the one in office has died. */
  start(): void;
  /** Stops what this tab contributes. */
  close(): void;
}
