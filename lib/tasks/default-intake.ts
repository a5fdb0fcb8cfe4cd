import {TaskIntake} from './intake.js';

let intake: TaskIntake | undefined;

/** No thread is started before the first task. */
export function defaultIntake(): TaskIntake {
  return intake ??= new TaskIntake(undefined, {});
}
