import type {TaskIntake} from './intake.js';
import type {Submission, TaskOptions} from './submission.js';
import type {Work} from './task.js';
import {waitingClock} from '../platform/threads.js';

/** How many values the thread sends before the first is taken. */
const CREDIT = 16;
/** How long the `finally` of a generator may take when the loop is left, in ms, if the option `grace` is not set. */
const DEFAULT_GRACE = 100;

/** Returns the values of an iterator in a thread. The thread waits if the caller takes them more slowly. Submits the task at once. */
export function stream<R>(intake: TaskIntake, fn: Work<any[], unknown>, args: unknown[], options: TaskOptions): AsyncIterableIterator<R> {
  const values: unknown[] = [];
  let end: {error?: [unknown]} | undefined;
  let isLeft = false;
  let wake = (): void => {};
  const changed = (): void => wake();
  const task: Submission = intake.submit(fn, [args], options, {
    stream: {credit: CREDIT, next: value => {
      values.push(value);
      changed();
    }}
  });
  const ended = task.promise.then(() => { end = {}; }, (error: unknown) => { end = {error: [error]}; }).then(changed);

  const pull = async (): Promise<IteratorResult<R>> => {
    for (;;) {
      if (isLeft) return {done: true, value: undefined};
      if (values.length) {
        const value = values.shift() as R;
        task.thread?.credit(task);
        return {done: false, value};
      }
      if (end) {
        const {error} = end;
        end = {};
        if (error) throw error[0];
        return {done: true, value: undefined};
      }
      await new Promise<void>(resolve => { wake = resolve; });
    }
  };
  // Calls of `next` that do not wait for each other take turns, as with a generator.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const result = turn.then(act);
    turn = result.catch(() => {});
    return result;
  };

  const leave = async (): Promise<IteratorResult<R>> => {
    isLeft = true;
    changed();
    if (!task.isSettled) {
      if (task.thread?.running === task) {
        task.thread.return(task);
        let isCut = false;
        const cancel = waitingClock.after(task.spec.options.grace ?? DEFAULT_GRACE, () => {
          isCut = true;
          task.cancel('The stream was left');
        });
        await ended;
        cancel();
        // As with a generator of this thread, whose `finally` throws.
        if (end?.error && !isCut) throw end.error[0];
      } else task.cancel('The stream was left');
    }
    return {done: true, value: undefined};
  };

  return {
    next: () => inTurn(pull),
    return: leave,
    [Symbol.asyncIterator]() { return this; }
  };
}
