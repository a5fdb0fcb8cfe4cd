import {completing, type Completion, type UncaughtHandler} from './completion.js';

/**
 * Separates the callback from the values. ShareDB's methods take their callback as the last argument, even if optional arguments before it
 * are left out.
 */
export function splitCallback(args: readonly unknown[]): {values: unknown[]; callback: ((...args: any[]) => void) | undefined} {
  const at = args.findIndex(arg => typeof arg === 'function');
  if (at === -1) return {values: [...args], callback: undefined};
  return {values: args.slice(0, at), callback: args[at] as (...args: any[]) => void};
}

type Emitter<Method extends string> = {emit(event: 'error', error: unknown): boolean; connection: Pick<UncaughtHandler, 'openCalls'>} & Record<Method, (...args: any[]) => any>;

/** Makes methods of an upstream object, which take a callback, return a promise too. */
export function promisify<Method extends string>(target: Emitter<Method>, methods: readonly Method[]): void {
  // If several calls fail with the same error, only one event reports it.
  let lastUncaught: unknown;
  const uncaught: UncaughtHandler = {
    openCalls: target.connection.openCalls,
    handleUncaught(error) {
      if (error !== lastUncaught) target.emit('error', error);
      lastUncaught = error;
    }
  };
  for (const method of methods) {
    const upstream = target[method];
    const promisified = (...args: unknown[]): Completion => {
      const {values, callback} = splitCallback(args);
      return completing(callback, uncaught, done => upstream.call(target, ...values, done));
    };
    (target as Record<string, unknown>)[method] = promisified;
  }
}
