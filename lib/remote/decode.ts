import {RemoteError, decodeError} from './errors.js';
import {define, setOwn} from './own-members.js';
import type {ResolvedOptions} from './options.js';
import type {Handler, HandlerContext} from './types.js';
import {ERROR, FLOW_KINDS, HANDLED, HEADERS, MAP, PROMISE, REF, SET_OF, TARGET, TRANSFORM, URL_TEXT, isId, isPath, type FlowKind, type WireReference} from './wire.js';

/** The part of a peer that decoding needs. */
export interface DecodingPeer {
  readonly options: Pick<ResolvedOptions, 'handlers' | 'limits'>;
  readonly handlers: {contextOf(handler: Handler): HandlerContext};
  readonly flows: {receive(kind: FlowKind, data: unknown): unknown};
  receiveReference(wire: WireReference): unknown;
}

/** Returns a value on this side, or a promise of it if it is not known yet. */
export type FindLocal = (target: number, path: readonly string[]) => {value: unknown} | {later: Promise<unknown>};

/** A decoded value. Results of operations in the same frame may still be missing in it. */
export interface Decoded {
  value: unknown;
  /**
   * Puts values of this side into their places. Call it before the value is used.
   * @param waits whether to wait for pending results; if false, they become promises inside the value
   */
  complete(waits: boolean): Promise<void> | undefined;
}

type Container = Record<string | number, unknown>;
const MAX_HOLES = 1_000_000;

export function decode(wire: unknown, peer: DecodingPeer, find: FindLocal): Decoded {
  if (!Array.isArray(wire) || !wire.length) throw malformed();
  const holes: unknown = wire[1];
  if (holes === undefined) return {value: wire[0], complete: () => undefined};
  if (!Array.isArray(holes) || holes.length > MAX_HOLES) throw malformed();
  return new Decoding(wire[0], holes, peer, find);
}

export const malformed = (): RemoteError => new RemoteError('ERR_REMOTE_PROTOCOL', 'A value does not have the form that the protocol requires');

class Decoding implements Decoded {
  #collections: Map<unknown[], Map<unknown, unknown> | Set<unknown>> | undefined;
  /** The decoded parts, by their data. A part that the value contains twice has the same data twice. */
  readonly #made = new Map<unknown, unknown>();
  #locals: {target: number; path: string[]; put(value: unknown): void}[] | undefined;

  readonly #peer: DecodingPeer;
  readonly #find: FindLocal;

  /** Fills holes from the last to the first: an array of entries is complete before it is replaced by a Map. */
  constructor(public value: unknown, holes: readonly unknown[], peer: DecodingPeer, find: FindLocal) {
    this.#peer = peer;
    this.#find = find;
    for (let i = holes.length - 1; i >= 0; i--) {
      const hole = holes[i];
      if (!Array.isArray(hole) || !Array.isArray(hole[0]) || hole[0].length > peer.options.limits.depth + 10) throw malformed();
      this.#fillHole(hole[0] as (string | number)[], hole[1], hole[2]);
    }
  }

  complete(waits: boolean): Promise<void> | undefined {
    const later: Promise<unknown>[] = [];
    for (const {target, path, put} of this.#locals ?? []) {
      const found = this.#find(target, path);
      if ('value' in found) put(found.value);
      else if (waits) later.push(found.later.then(put));
      else put(found.later);
    }
    if (later.length) return Promise.all(later).then(() => this.#collect());
    this.#collect();
    return undefined;
  }

  #collect(): void {
    for (const [entries, collection] of this.#collections ?? []) {
      for (const entry of Object.values(entries)) {
        if (collection instanceof Map) collection.set(...(entry as [unknown, unknown]));
        else collection.add(entry);
      }
    }
  }

  #fillHole(path: readonly (string | number)[], kind: unknown, data: unknown): void {
    let holder: Container | undefined;
    let key: string | number | undefined;
    let place: unknown = this.value;
    for (const step of path) {
      // Walks only over own data properties, which is all that a clone can have: no prototypes, no getters.
      if (typeof place !== 'object' || place === null || (typeof step !== 'string' && typeof step !== 'number') || !Object.hasOwn(place, step)) throw malformed();
      holder = place as Container;
      key = step;
      place = holder[key];
    }
    const put = (value: unknown): void => {
      if (!holder) this.value = value;
      else setOwn(holder, key!, value);
    };
    if (kind === TARGET) return this.#putLocal(data, put);
    const isShared = typeof data === 'object' && this.#made.has(data);
    const made = isShared ? this.#made.get(data) : this.#create(kind, data, place);
    this.#made.set(data, made);
    put(made);
    if (kind === REF && holder && !Array.isArray(holder)) makeDisposable(holder);
  }

  #putLocal(data: unknown, put: (value: unknown) => void): void {
    if (!Array.isArray(data) || !isId(data[0]) || !isPath(data[1], this.#peer.options.limits.depth)) throw malformed();
    (this.#locals ??= []).push({target: data[0], path: data[1], put});
  }

  #create(kind: unknown, data: unknown, place: unknown): unknown {
    switch (kind) {
      case REF:
        return this.#peer.receiveReference(checkReference(data));
      case ERROR:
        return decodeError(data);
      case URL_TEXT:
        return new URL(String(data));
      case HEADERS:
        return new Headers(data as [string, string][]);
      case TRANSFORM: {
        const [readable, writable] = data as [unknown, unknown];
        return {readable: this.#peer.flows.receive('readable', readable), writable: this.#peer.flows.receive('writable', writable)};
      }
      case MAP:
      case SET_OF:
        return this.#collection(kind, place);
      case HANDLED:
        return this.#handled(data);
      default: {
        const flow = FLOW_KINDS[(kind as number) - PROMISE];
        if (!flow) throw malformed();
        return this.#peer.flows.receive(flow, data);
      }
    }
  }

  #collection(kind: number, place: unknown): unknown {
    if (!Array.isArray(place) || (kind === MAP && !Object.values(place).every(entry => Array.isArray(entry)))) throw malformed();
    this.#collections ??= new Map();
    let collection = this.#collections.get(place);
    if (!collection) this.#collections.set(place, collection = kind === MAP ? new Map() : new Set());
    return collection;
  }

  #handled(data: unknown): unknown {
    const [wireType, wire] = Array.isArray(data) ? (data as [unknown, unknown]) : [];
    const handler = this.#peer.options.handlers.find(candidate => candidate.wireType === wireType);
    if (!handler) throw new RemoteError('ERR_REMOTE_PROTOCOL', `There is no handler for values of the type ${String(wireType)}: give both sides the same handlers`);
    return handler.fromWire(wire, {...this.#peer.handlers.contextOf(handler), decode: part => {
      const decoded = decode(part, this.#peer, this.#find);
      void decoded.complete(false);
      return decoded.value;
    }});
  }
}

function checkReference(data: unknown): WireReference {
  if (!Array.isArray(data) || !isId(data[0]) || data[0] <= 0 || typeof data[2] !== 'string') throw malformed();
  return data as unknown as WireReference;
}

/** Makes an object that contains stubs usable with `using`, as its type says: disposing it releases the stubs. */
function makeDisposable(holder: Container): void {
  if (Object.hasOwn(holder, Symbol.dispose)) return;
  const dispose = (): void => {
    for (const member of Object.values(holder)) {
      if (typeof member === 'function') (member as unknown as Partial<Disposable>)[Symbol.dispose]?.();
    }
  };
  define(holder, Symbol.dispose, dispose);
}
