import {followSignal, forwardSignal} from './abort-signals.js';
import {deferred} from './deferred.js';
import {decodeError, encodeError, tooMany} from './errors.js';
import {FAIL, ITEM, sendLast, type FlowEnd, type FlowLink} from './flow-link.js';
import {localIterable, remoteIterable} from './iterables.js';
import {localReadable, remoteReadable, localWritable, remoteWritable} from './streams.js';
import {isId, type FlowKind, type Outgoing} from './wire.js';

/** The part of a peer that its flows need. */
export interface FlowsPeer {
  /** As many flows as references may be open. */
  readonly options: {readonly limits: {readonly references: number}};
  nextId(): number;
  /** @param id the flow's id: above 0 if this side has created the flow, else below 0 */
  sendFlow(id: number, what: number, value: unknown, moves: boolean): void;
}

/** The open streams, iterables, promises and signals: those of this side by their ids, those of the other side below 0. */
export class Flows {
  readonly #ends = new Map<number, FlowEnd>();
  readonly #signals = new WeakMap<object, number>();
  // When an iterator here is garbage, the other side stops iterating.
  readonly #dropped = new FinalizationRegistry<FlowEnd & {drop?(): void}>(end => end.drop?.());

  readonly #peer: FlowsPeer;

  constructor(peer: FlowsPeer) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Whether a stream, iterable or promise of the other side is open here. Signals do not count, because they may stay open for ever. */
  get isAwaiting(): boolean {
    return [...this.#ends].some(([id, end]) => id < 0 && !('value' in end));
  }

  /** Starts a flow of this side, with this message. Returns the data for the other side. */
  offer(kind: FlowKind, value: object, {counted}: Outgoing): unknown {
    if (kind === 'signal') {
      const signal = value as AbortSignal;
      const known = this.#signals.get(signal);
      if (signal.aborted) return [0, encodeError(signal.reason, false)];
      if (known !== undefined && this.#ends.has(known)) return [known];
    }
    this.#checkLimit();
    const id = this.#peer.nextId();
    const link = this.#link(id);
    // The introducing message is not posted yet; the flow's own messages come after it.
    const end = ENDS[kind].local(value as never, link);
    this.#ends.set(id, end);
    counted.push(id);
    if (kind === 'signal') this.#signals.set(value, id);
    return [id];
  }

  receive(kind: FlowKind, data: unknown): unknown {
    const [id, reason] = Array.isArray(data) ? (data as [unknown, unknown?]) : [];
    if (kind === 'signal' && id === 0) return AbortSignal.abort(decodeError(reason));
    if (!isId(id) || id <= 0) throw new TypeError('A stream without an id');
    const known = this.#ends.get(-id) as (FlowEnd & {value?: unknown}) | undefined;
    if (known) return known.value;
    this.#checkLimit();
    const {end, value} = ENDS[kind].remote(this.#link(-id));
    this.#ends.set(-id, Object.assign(end, kind === 'signal' ? {value} : {}));
    if (kind === 'iterable') this.#dropped.register(value as object, end);
    return value;
  }

  handle(id: number, what: number, value: unknown): void {
    this.#ends.get(id)?.handle(what, value);
  }

  /** An item of the other side can't be used: both ends fail. */
  refuse(id: number, error: unknown): void {
    if (!this.#ends.has(id)) return;
    this.handle(id, FAIL, error);
    this.#peer.sendFlow(id, FAIL, error, false);
  }

  /** Ends a flow whose message could not be posted. Without an error, it has not begun. */
  drop(id: number, error?: Error): void {
    const end = this.#ends.get(id);
    this.#ends.delete(id);
    end?.close(error);
  }

  close(error: Error): void {
    const ends = [...this.#ends.values()];
    this.#ends.clear();
    for (const end of ends) end.close(error);
  }

  #checkLimit(): void {
    const {references} = this.#peer.options.limits;
    if (this.#ends.size >= references) throw tooMany('streams and promises are open', references);
  }

  #link(id: number): FlowLink {
    return {
      send: (what, value, moves = false) => this.#peer.sendFlow(id, what, value, moves),
      done: () => this.#ends.delete(id)
    };
  }
}

/** For each kind: its end on the side that has it, and its end on the other side with the value to use there. */
const ENDS: Record<FlowKind, {local(value: never, link: FlowLink): FlowEnd; remote(link: FlowLink): {end: FlowEnd; value: unknown}}> = {
  promise: {local: localPromise, remote: remotePromise},
  readable: {local: localReadable, remote: remoteReadable},
  writable: {local: localWritable, remote: remoteWritable},
  iterable: {local: localIterable, remote: remoteIterable},
  signal: {local: forwardSignal, remote: followSignal}
};

function localPromise(promise: PromiseLike<unknown>, link: FlowLink): FlowEnd {
  promise.then(
    value => sendLast(link, ITEM, value),
    (error: unknown) => sendLast(link, FAIL, error)
  );
  return {handle: () => {}, close: () => {}};
}

function remotePromise(link: FlowLink): {end: FlowEnd; value: Promise<unknown>} {
  const {promise: value, resolve, reject} = deferred<unknown>();
  // The other side decides whether the promise rejects. An unhandled rejection must not end the process on this side.
  value.catch(() => {});
  const handle = (what: number, result: unknown): void => {
    link.done();
    if (what === FAIL) reject(result);
    else resolve(result);
  };
  return {value, end: {handle, close: reject}};
}
