import {defer, Deferred, task, type TaskContext, type WorkerPool} from 'sharedb-tabs/tasks';
import {exact} from './exact.js';

export async function types(pool: WorkerPool): Promise<void> {
  const count = async (upTo: number, context: TaskContext): Promise<number> => upTo + context.thread;

  // The context is the last parameter, in functions with and without other parameters.
  exact<number>()(await pool.run(count, [1]));
  exact<number>()(await pool.execute((context: TaskContext) => context.thread));
  exact<number[]>()(await pool.map([1], (x: number, index: number, context: TaskContext) => x + index + context.thread));
  exact<string[]>()(await pool.map([Promise.resolve(1), 2], (x: number) => String(x)));
  exact<number>()(await defer({pool}, count, 1));
  exact<number>()(await pool.task(count, 1)());
  for await (const value of pool.stream(function* (from: number, context: TaskContext) { yield from + context.thread; }, [1])) exact<number>()(value);

  exact<string>()(await pool.run((a: number, b: string) => b + a, [1, 'x']));
  exact<number>()(await pool.run(task<[number], number>('double'), [1]));
  exact<number>()(await new Deferred((x: number) => x, 1));
  // @ts-expect-error the argument is a number
  await pool.run((x: number) => x, ['x']);
}
