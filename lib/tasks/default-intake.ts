import {TaskIntake} from './intake.js';

let intake: TaskIntake | undefined;

/** The intake of the default pool. It starts no thread before the first task. */
export function defaultIntake(): TaskIntake {
  return intake ??= new TaskIntake(undefined, {});
}
