import type {Channel} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import type {Mode} from '../options/connect-options.js';

/** A way for a tab to get a host. */
export interface HostProvider {
  readonly mode: Mode;
  /** Makes sure that there is a host, or will be. Called again when the current one has died. */
  start(): void;
  /**
   * Greets the host that this source may have, on a port.
   * @returns this tab's end of it, if there is somebody to greet
   */
  greet?(hello: Hello): Channel | undefined;
  /**
   * Stops what this tab contributes.
   * @param atOnce within this turn: the page is frozen or put away after it
   */
  close(atOnce?: boolean): void;
}

/** The reason of a signal that ends a host within this turn. */
export const AT_ONCE = 'at once';
