import type {Channel} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import type {Mode} from '../options/connect-options.js';

/** One way for a tab to get a host. */
export interface HostProvider {
  readonly mode: Mode;
  /** Starts a host, joins one, or waits to be elected. Called again when the current host has ended. */
  start(): void;
  /**
   * Sends a greeting with a port to the host of this provider.
   * @returns this tab's end of the port; undefined if the provider has no host to greet
   */
  greet?(hello: Hello): Channel | undefined;
  /**
   * Stops the host of this tab, or leaves the shared one.
   * @param atOnce whether to stop synchronously, because the page is frozen or suspended afterwards
   */
  close(atOnce?: boolean): void;
}

/** The abort reason with which a host ends synchronously, without finishing its writes. */
export const AT_ONCE = 'at once';
