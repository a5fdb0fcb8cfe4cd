import {Scheduler} from './scheduler.js';
import {nodeThreads} from './spawn-node.js';
import {useThreads} from './threads.js';

export {map} from './map.js';

export function createScheduler(...args: ConstructorParameters<typeof Scheduler>): Scheduler {
  useThreads(nodeThreads);
  return new Scheduler(...args);
}
