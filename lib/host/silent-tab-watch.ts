import {Watchdog} from '../broker/watchdog.js';
import type {Clock} from '../platform/platform.js';
import type {Tab} from './tab.js';

/** A tab that a service waits for may be silent for this long, in ms, before it is asked, and as long again before it answers. */
const SILENT_MS = 30_000;

/**
 * Watches a tab while a service waits for it. A frozen page keeps its lock and its port, so nothing else shows that it does not
 * answer. Its session ends, which rejects the calls; the page resumes when it wakes.
 * @param isWaiting whether the service waits for the tab. Call `expect()` of the result when it begins to
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
      // A session that has begun since then was not asked.
      if (asked && asked === tab()?.session) asked.endSilent('a service waits for the tab, which does not answer');
    }
  });
}
