import {completing, type Completion, type UncaughtHandler} from './completion.js';

/** ShareDB's methods take their callback as the last argument, whichever of those before it are left out. */
export function splitCallback(args: readonly unknown[]): {values: unknown[]; callback: ((...args: any[]) => void) | undefined} {
  const at = args.findIndex(arg => typeof arg === 'function');
  if (at === -1) return {values: [...args], callback: undefined};
  return {values: args.slice(0, at), callback: args[at] as (...args: any[]) => void};
}

type Emitter<Method extends string> = {emit(event: 'error', error: unknown): boolean; connection: Pick<UncaughtHandler, 'openCalls'>} & Record<Method, (...args: any[]) => any>;

/** Lets methods of one of upstream's objects, which take a callback, give a promise too. */
export function promisify<Method extends string>(target: Emitter<Method>, methods: readonly Method[]): void {
  // One failure that several calls were waiting for is one event.
  let lastUncaught: unknown;
  const hearer: UncaughtHandler = {
    openCalls: target.connection.openCalls,
    handleUncaught(error) {
      if (error !== lastUncaught) target.emit('error', error);
      lastUncaught = error;
    }
  };
  for (const method of methods) {
    const upstream = target[method];
    const promising = (...args: unknown[]): Completion => {
      const {values, callback} = splitCallback(args);
      return completing(callback, hearer, done => upstream.call(target, ...values, done));
    };
    (target as Record<string, unknown>)[method] = promising;
  }
}
