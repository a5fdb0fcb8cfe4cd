import {Watchdog} from '../broker/watchdog.js';
import type {Clock} from '../platform/platform.js';
import type {Tab} from './tab.js';

/** How long a tab that a service waits for may send nothing, in ms, before it is pinged, and how long it then has to answer. */
const SILENT_MS = 30_000;

/**
 * Pings a tab while a service waits for it, and ends the tab's session if the tab does not answer. That rejects the service's calls.
 * A frozen page keeps its lock and its port, so there is no other sign that it does not answer. The page resumes when it runs again.
 * @param isWaiting returns whether the service waits for the tab
 * @returns the watchdog. Call its `expect()` when the service begins to wait.
 */
export function watchSilentTab(tab: () => Tab | undefined, clock: Clock, isWaiting: () => boolean): Watchdog {
  let asked: Tab['session'];
  return new Watchdog({
    clock, patience: SILENT_MS,
    get always() { return isWaiting(); },
    ask(timeout) {
      asked = tab()?.session;
      return asked && isWaiting() ? asked.call('tab.ping', null, timeout) : Promise.resolve();
    },
    onSilence: () => {
      // A session that has begun since then was not pinged.
      if (asked && asked === tab()?.session) asked.endSilent('a service waits for the tab, which does not answer');
    }
  });
}
