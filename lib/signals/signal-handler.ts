import type {Handler, HandlerContext} from '../remote/types.js';
import {afterTurn, readOnly, type SignalLike, type SignalNamespace, type StateLike, type WatcherLike} from './signal-like.js';

/** The options of `signalHandler`. */
export interface SignalHandlerOptions {
  /** 'eager' sends every change. 'lazy' sends only changes of signals that are watched on the other side. Default 'eager'. */
  watch?: 'eager' | 'lazy';
}

/** Sent with a frame: `[id, failed, value]` for each signal that has changed. */
type Update = readonly [id: number, failed: 0 | 1, value: unknown];

/** A signal in the form in which it is sent first. */
type WireSignal = readonly [id: number, failed: 0 | 1, value: unknown];

/** A signal of this side that the other side has received. */
interface Sent {
  readonly id: number;
  readonly signal: SignalLike<unknown>;
  /** A computed signal of this library. A read of the app's own signal elsewhere would clear its changed mark. */
  readonly watched: SignalLike<Outcome>;
}

type Outcome = {readonly failed: 0 | 1; readonly value: unknown};

/** A signal on this side that follows one of the other side. */
interface Arrived {
  readonly state: StateLike<Outcome>;
  readonly signal: WeakRef<object>;
}

/** The signals of one connection. */
class Links {
  readonly sent = new Map<number, Sent>();
  readonly ids = new WeakMap<object, number>();
  readonly arrived = new Map<number, Arrived>();
  readonly changed = new Set<Sent>();
  readonly watcher: WatcherLike;
  private nextId = 1;

  constructor(private readonly Signal: SignalNamespace, readonly context: HandlerContext) {
    let isScheduled = false;
    this.watcher = new Signal.subtle.Watcher(() => {
      if (isScheduled) return;
      isScheduled = true;
      // Signals can't be read inside a watcher's callback.
      afterTurn(() => {
        isScheduled = false;
        if (this.gather()) context.schedule();
      });
    });
  }

  send(signal: SignalLike<unknown>, watches: boolean): Sent {
    const known = this.sent.get(this.ids.get(signal) ?? 0);
    if (known) return known;
    const id = this.nextId++;
    const entry: Sent = {id, signal, watched: new this.Signal.Computed(() => outcomeOf(signal), {equals: same})};
    this.sent.set(id, entry);
    this.ids.set(signal, id);
    if (watches) this.watcher.watch(entry.watched);
    return entry;
  }

  /** Collects the changed signals. Returns whether there are updates to send. */
  gather(): boolean {
    const pending = new Set(this.watcher.getPending());
    for (const entry of this.sent.values()) if (pending.has(entry.watched)) this.changed.add(entry);
    // A watcher notifies once, until `watch()` is called again.
    this.watcher.watch();
    return this.changed.size > 0;
  }

  close(): void {
    for (const {watched} of this.sent.values()) this.watcher.unwatch(watched);
    this.sent.clear();
    this.arrived.clear();
  }
}

/**
 * Sends signals by reference. Each is a read-only signal on the other side, and is up to date whenever a call resolves there.
 * @param Signal the app's signal implementation, which creates the signals on this side
 */
export function signalHandler(Signal: SignalNamespace, {watch = 'eager'}: SignalHandlerOptions = {}): Handler<SignalLike<unknown>> {
  const links = new WeakMap<object, Links>();
  const all = new Map<HandlerContext, Links>();
  const linksOf = (context: HandlerContext): Links => {
    // Encoding and decoding pass a copy of the context with more members.
    const known = links.get(context.send);
    if (known) return known;
    const made = new Links(Signal, context);
    links.set(context.send, made);
    return made;
  };
  const dropped = new FinalizationRegistry<() => void>(drop => drop());
  return {
    wireType: 'signal',
    canHandle: (value): value is SignalLike<unknown> => value instanceof Signal.State || value instanceof Signal.Computed,
    connect: context => void all.set(context, linksOf(context)),
    disconnect(context) {
      linksOf(context).close();
      all.delete(context);
    },
    toWire(signal, context): WireSignal {
      const own = linksOf(context);
      const {id, watched} = own.send(signal, watch === 'eager');
      const {failed, value} = watched.get();
      return [id, failed, failed ? encodeFailure(value) : context.encode(value)];
    },
    fromWire(wire, context) {
      const own = linksOf(context);
      const [id, failed, value] = wire as WireSignal;
      const known = own.arrived.get(id);
      const living = known?.signal.deref();
      const outcome: Outcome = {failed, value: failed ? decodeFailure(value) : context.decode(value)};
      if (known && living) {
        known.state.set(outcome);
        return living;
      }
      const state = new Signal.State(outcome, {equals: same, ...hooks(Signal, watch, () => own.context.send(['watch', id]), () => own.context.send(['unwatch', id]))});
      const signal = readOnly(Signal, () => {
        const {failed: hasFailed, value: read} = state.get();
        if (hasFailed) throw read;
        return read;
      }, {});
      own.arrived.set(id, {state, signal: new WeakRef(signal)});
      dropped.register(signal, () => {
        if (own.arrived.get(id)?.signal.deref()) return;
        own.arrived.delete(id);
        own.context.send(['drop', id]);
      });
      return signal;
    },
    onMessage(payload, context) {
      const [what, id] = Array.isArray(payload) ? (payload as [string, number]) : [];
      const own = linksOf(context);
      const entry = own.sent.get(id!);
      if (!entry) return;
      if (what === 'watch') {
        own.watcher.watch(entry.watched);
        own.changed.add(entry);
        context.schedule();
      } else if (what === 'unwatch') own.watcher.unwatch(entry.watched);
      else if (what === 'drop') {
        own.watcher.unwatch(entry.watched);
        own.sent.delete(entry.id);
      }
    },
    collectReturnData(context): Update[] | undefined {
      const own = linksOf(context);
      if (!own.gather()) return undefined;
      const updates: Update[] = [];
      for (const entry of own.changed) {
        const {failed, value} = entry.watched.get();
        updates.push([entry.id, failed, failed ? encodeFailure(value) : value]);
      }
      own.changed.clear();
      return updates;
    },
    processReturnData(data, context) {
      if (!Array.isArray(data)) return;
      const own = linksOf(context);
      for (const [id, failed, value] of data as Update[]) {
        own.arrived.get(id)?.state.set({failed: failed ? 1 : 0, value: failed ? decodeFailure(value) : value});
      }
    }
  };
}

/** Reads a signal. An error that it throws becomes its value on the other side, so that other signals are not affected. */
function outcomeOf(signal: SignalLike<unknown>): Outcome {
  try {
    return {failed: 0, value: signal.get()};
  } catch (error) {
    return {failed: 1, value: error};
  }
}

const same = (a: Outcome, b: Outcome): boolean => a.failed === b.failed && Object.is(a.value, b.value);

const encodeFailure = (error: unknown): unknown => ({name: String((error as Error)?.name ?? 'Error'), message: String((error as Error)?.message ?? error)});

const decodeFailure = (wire: unknown): Error => {
  const {name, message} = (wire ?? {}) as {name?: unknown; message?: unknown};
  return Object.assign(new Error(String(message)), {name: String(name)});
};

function hooks({subtle}: SignalNamespace, watch: 'eager' | 'lazy', watched: () => void, unwatched: () => void): object {
  if (watch === 'eager' || !subtle.watched || !subtle.unwatched) return {};
  return {[subtle.watched]: watched, [subtle.unwatched]: unwatched};
}
