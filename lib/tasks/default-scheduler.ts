import {Scheduler} from './scheduler.js';

let scheduler: Scheduler | undefined;

/** No thread is started before the first task. */
export function defaultScheduler(): Scheduler {
  return scheduler ??= new Scheduler(undefined, {});
}
