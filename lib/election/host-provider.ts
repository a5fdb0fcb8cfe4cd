import type {Channel} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import type {Mode} from '../options/connect-options.js';

/** One way for a tab to get a host. */
export interface HostProvider {
  readonly mode: Mode;
  /** Makes sure that there is or will be a host. Called again when the current one has died. */
  start(): void;
  /**
   * Greets the host that this provider may have, on a port.
   * @returns this tab's end of the port, if there is a host to greet
   */
  greet?(hello: Hello): Channel | undefined;
  /**
   * Stops what this tab contributes.
   * @param atOnce synchronously: the page is frozen or suspended afterwards
   */
  close(atOnce?: boolean): void;
}

/** The abort reason that ends a host synchronously. */
export const AT_ONCE = 'at once';
