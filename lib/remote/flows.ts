import {followSignal, forwardSignal} from './abort-signals.js';
import {tooMany} from './errors.js';
import {FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';
import {iterateHere, iterateThere} from './iterables.js';
import {readHere, readThere, writeHere, writeThere} from './streams.js';

export type FlowKind = 'promise' | 'readable' | 'writable' | 'iterable' | 'signal';

export interface FlowsOptions {
  /** How many may be open. */
  readonly limit: number;
  nextId(): number;
  /** @param id the flow's id, from the receiver's point of view */
  send(id: number, what: number, value: unknown, moves: boolean): void;
}

/** The open streams, iterables, promises and signals: those of this side by their ids, those of the other side below 0. */
export class Flows {
  private readonly ends = new Map<number, FlowEnd>();
  private readonly signals = new WeakMap<object, number>();
  // When an iterator here is garbage, the other side stops iterating.
  private readonly dropped = new FinalizationRegistry<FlowEnd & {drop?(): void}>(end => end.drop?.());

  constructor(private readonly options: FlowsOptions) {}

  get size(): number {
    return this.ends.size;
  }

  /** Whether something of the other side is open here. Signals may stay so for ever. */
  get isAwaiting(): boolean {
    return [...this.ends].some(([id, end]) => id < 0 && !('value' in end));
  }

  /** Starts a flow of this side. Returns the data for the other side. */
  offer(kind: FlowKind, value: object): unknown {
    if (kind === 'signal') {
      const signal = value as AbortSignal;
      const known = this.signals.get(signal);
      if (signal.aborted) return [0, describeReason(signal.reason)];
      if (known !== undefined && this.ends.has(known)) return [known];
    }
    this.checkLimit();
    const id = this.options.nextId();
    const link = this.link(id, id);
    // The introducing message is not posted yet; the flow's own messages come after it.
    const end = this.create(kind, value, link);
    this.ends.set(id, end);
    if (kind === 'signal') this.signals.set(value, id);
    return [id];
  }

  receive(kind: FlowKind, data: unknown): unknown {
    const [id, reason] = Array.isArray(data) ? (data as [unknown, unknown?]) : [];
    if (kind === 'signal' && id === 0) return AbortSignal.abort(reason === undefined ? undefined : reasonOf(reason));
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0) throw new TypeError('A stream without an id');
    const known = this.ends.get(-id) as (FlowEnd & {value?: unknown}) | undefined;
    if (known) return known.value;
    this.checkLimit();
    const {end, value} = this.open(kind, this.link(-id, -id));
    this.ends.set(-id, Object.assign(end, kind === 'signal' ? {value} : {}));
    if (kind === 'iterable') this.dropped.register(value as object, end);
    return value;
  }

  handle(id: number, what: number, value: unknown): void {
    this.ends.get(id)?.handle(what, value);
  }

  close(error: Error): void {
    const ends = [...this.ends.values()];
    this.ends.clear();
    for (const end of ends) end.close(error);
  }

  private checkLimit(): void {
    const {limit} = this.options;
    if (this.ends.size >= limit) throw tooMany('streams and promises are open', limit);
  }

  private link(key: number, id: number): FlowLink {
    return {
      send: (what, value, moves = false) => this.options.send(id, what, value, moves),
      done: () => this.ends.delete(key)
    };
  }

  private create(kind: FlowKind, value: object, link: FlowLink): FlowEnd {
    switch (kind) {
      case 'promise':
        return promiseHere(value as PromiseLike<unknown>, link);
      case 'readable':
        return readHere(value as ReadableStream, link);
      case 'writable':
        return writeHere(value as WritableStream, link);
      case 'iterable':
        return iterateHere(value as AsyncIterable<unknown>, link);
      case 'signal':
        return forwardSignal(value as AbortSignal, link);
    }
  }

  private open(kind: FlowKind, link: FlowLink): {end: FlowEnd; value: unknown} {
    switch (kind) {
      case 'promise':
        return promiseThere(link);
      case 'readable':
        return readThere(link);
      case 'writable':
        return writeThere(link);
      case 'iterable':
        return iterateThere(link);
      case 'signal':
        return followSignal(link);
    }
  }
}

function promiseHere(promise: PromiseLike<unknown>, link: FlowLink): FlowEnd {
  promise.then(
    value => sendLast(link, ITEM, value),
    (error: unknown) => sendLast(link, FAIL, error)
  );
  return {handle: () => {}, close: () => {}};
}

function promiseThere(link: FlowLink): {end: FlowEnd; value: Promise<unknown>} {
  let resolve!: (value: unknown) => void;
  let reject!: (error: unknown) => void;
  const value = new Promise((done, failed) => [resolve, reject] = [done, failed]);
  // The other side decides whether the promise rejects. That must not end a process here that has not looked at it.
  value.catch(() => {});
  const handle = (what: number, result: unknown): void => {
    link.done();
    if (what === FAIL) reject(result);
    else resolve(result);
  };
  return {value, end: {handle, close: reject}};
}

/** The reason of a signal that is already aborted: an error's name and message, or a primitive. */
function describeReason(reason: unknown): unknown {
  if (reason instanceof Error || (typeof reason === 'object' && reason !== null)) return {name: String((reason as Error).name), message: String((reason as Error).message)};
  return typeof reason === 'symbol' || typeof reason === 'function' ? undefined : reason;
}

function reasonOf(reason: unknown): unknown {
  if (typeof reason !== 'object' || reason === null) return reason;
  const {name, message} = reason as {name: string; message: string};
  return typeof DOMException === 'function' ? new DOMException(message, name) : Object.assign(new Error(message), {name});
}
