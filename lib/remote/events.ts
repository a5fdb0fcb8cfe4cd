import {RemoteError, tagOf} from './errors.js';
import {isPrimitive} from './kinds.js';
import type {Reference} from './references.js';
import type {HandlerOptions} from './wire.js';

/** The part of an Event that is used here. */
interface EventLike {
  readonly eventPhase: number;
  preventDefault(): void;
  stopPropagation(): void;
}

const TOO_LATE = new Set(['preventDefault', 'stopPropagation', 'stopImmediatePropagation']);

/** Tests the tag, because events of another frame have another class. An app's own subclasses inherit the tag. */
export const isEvent = (value: unknown): value is EventLike =>
  typeof value === 'object' && value !== null && tagOf(value).endsWith('Event]') && typeof (value as EventLike).preventDefault === 'function';

/** The readable primitive members of an event. They are sent with its reference. */
export function snapshotOf(event: object): Record<string, unknown> {
  const snapshot: Record<string, unknown> = {};
  for (const key in event) {
    // The constants of the class, for example `BUBBLING_PHASE`.
    if (/^[A-Z_]+$/.test(key)) continue;
    try {
      const value = (event as Record<string, unknown>)[key];
      if (isPrimitive(value)) snapshot[key] = value;
    } catch {
      // The getter throws for this object.
    }
  }
  return snapshot;
}

/**
 * Refuses calls that can have no effect: a remote handler runs after the dispatch of the event.
 * @throws ERR_REMOTE_TOO_LATE
 */
export function checkTooLate(target: unknown, key: string | undefined): void {
  if (key === undefined || !TOO_LATE.has(key) || !isEvent(target) || target.eventPhase !== 0) return;
  throw new RemoteError('ERR_REMOTE_TOO_LATE', `${key}() has no effect: the event's dispatch has ended. Wrap the handler: handler(fn, {${key === 'preventDefault' ? key : 'stopPropagation'}: true})`);
}

/** Performs the handler's options while the event is dispatched. Returns whether to call the handler. */
export function prepareEvent(event: unknown, options: HandlerOptions, reference: Reference & {wasCalled?: boolean}): boolean {
  if (options.once && reference.wasCalled) return false;
  reference.wasCalled = true;
  if (isEvent(event)) {
    if (options.preventDefault) event.preventDefault();
    if (options.stopPropagation) event.stopPropagation();
  }
  return true;
}

/** Wraps a handler: while a call is open, only the newest of the calls that follow is kept. */
export function latestOnly(call: (args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  let isOpen = false;
  let next: unknown[] | undefined;
  const run = (args: unknown[]): unknown => {
    isOpen = true;
    const result = call(args);
    const done = (): void => {
      isOpen = false;
      const waiting = next;
      next = undefined;
      if (waiting) run(waiting);
    };
    Promise.resolve(result).then(done, done);
    return result;
  };
  return args => {
    if (!isOpen) return run(args as unknown[]);
    next = args as unknown[];
    return undefined;
  };
}
