import {Scheduler} from './scheduler.js';
import {browserThreads} from './spawn-browser.js';
import {useThreads} from './threads.js';

export {map} from './map.js';

export function createScheduler(...args: ConstructorParameters<typeof Scheduler>): Scheduler {
  useThreads(browserThreads);
  return new Scheduler(...args);
}
