import {CallRecord} from './calls.js';
import {tooDeep} from './depth.js';
import {RemoteError, encodeError, released, tagOf} from './errors.js';
import {isEvent, snapshotOf} from './events.js';
import {isMovable, isPrimitive, kindOf, type ValueKind} from './kinds.js';
import {handlerOptionsOf, markOf, type Mark} from './markers.js';
import {setOwn} from './own-members.js';
import {readResult} from './results.js';
import {describe, nodeOf, type StubPeer} from './stubs.js';
import type {ResolvedOptions} from './options.js';
import type {FrameTransport, Handler, HandlerContext} from './types.js';
import {ERROR, FLOW_KINDS, HANDLED, HEADERS, MAP, PROMISE, REF, SET_OF, TARGET, TRANSFORM, URL_TEXT, type FlowKind, type Hole, type Outgoing, type WireReference, type WireValue} from './wire.js';

/** The part of a connection that encoding needs. */
export interface EncodingPeer extends StubPeer {
  readonly options: Pick<ResolvedOptions, 'handlers' | 'limits' | 'movesFrom' | 'stacks'>;
  readonly transport: Pick<FrameTransport, 'cannotTransfer'>;
  readonly handlers: {contextOf(handler: Handler): HandlerContext};
  readonly flows: {offer(kind: FlowKind, value: object, item: Outgoing): unknown};
  addReference(object: object, name: string, item: Outgoing): number;
}

/** Larger values are not copied first: they are posted at once, before the app can change them. */
const COPY_NODES = 1000;
const COPY_BYTES = 64 * 1024;
/** If a walk that does not remember objects gets this deep, the value may have a cycle. */
const PLAIN_DEPTH = 64;

/**
 * Encodes a value. Parts that structured clone can't copy become holes, listed beside the value. So user data never contains
 * markers.
 */
export function encode(value: unknown, peer: EncodingPeer, item: Outgoing, materializes = false): WireValue {
  if (isPrimitive(value)) return [value];
  try {
    return new Encoding(value, peer, item, materializes).run();
  } catch (error) {
    if (error !== PLAIN) throw error;
    return [value];
  }
}

/** Thrown to stop copying a large value that structured clone copies correctly. */
const PLAIN = Symbol('plain');

class Encoding {
  readonly #holes: Hole[] = [];
  readonly #path: (string | number)[] = [];
  /** The copies by their originals. Cycles and shared parts keep their structure. */
  #memo: Map<object, {copy: unknown; kind?: number | undefined; data?: unknown}> | undefined;
  #nodes = 0;
  readonly #root: unknown;
  readonly #peer: EncodingPeer;
  readonly #item: Outgoing;
  readonly #materializes: boolean;

  constructor(root: unknown, peer: EncodingPeer, item: Outgoing, materializes: boolean) {
    this.#root = root;
    this.#peer = peer;
    this.#item = item;
    this.#materializes = materializes;
  }

  run(): WireValue {
    const copy = this.#walk(this.#root);
    return this.#holes.length ? [copy, this.#holes] : [copy];
  }

  #walk(value: unknown): unknown {
    switch (typeof value) {
      case 'object':
        return value === null ? null : this.#object(value);
      case 'function':
        return this.#fn(value);
      case 'symbol':
        throw this.#uncloneable('a symbol');
      default:
        return value;
    }
  }

  #object(value: object): unknown {
    const known = this.#memo?.get(value);
    if (known) {
      if (known.kind !== undefined) this.#hole(known.kind, known.data);
      return known.copy;
    }
    const handler = this.#peer.options.handlers.find(candidate => candidate.canHandle(value));
    if (handler) return this.#handled(handler, value);
    const mark = markOf(value);
    if (mark?.as === 'reference') return this.#reference(value, mark);
    if (mark?.as === 'moved') for (const part of mark.parts) this.#move(part);
    const depth = this.#path.length;
    let kind: ValueKind | undefined;
    try {
      // Throws for a revoked Proxy only, and runs no code of the app.
      Array.isArray(value);
      kind = 'reference';
      return this.#ofKind(kind = kindOf(value), value, mark);
    } catch (error) {
      // The platform's own methods refuse a Proxy. The app's own getters and methods may throw the same class.
      const isOwn = kind === 'plain' || kind === 'array' || kind === 'reference' || (kind === 'promise' && (value as Promise<unknown>).then !== Promise.prototype.then);
      if (isOwn || this.#path.length > depth || !(error instanceof TypeError)) throw error;
      throw this.#uncloneable(`a Proxy of the class ${tagOf(value).slice(8, -1)}`);
    }
  }

  #ofKind(kind: ValueKind, value: object, mark: Mark | undefined): unknown {
    switch (kind) {
      case 'plain':
        return this.#members(value);
      case 'array':
        return this.#array(value as unknown[]);
      case 'map':
        return this.#entries(value as Map<unknown, unknown>, MAP);
      case 'set':
        return this.#entries(value as Set<unknown>, SET_OF);
      case 'buffer':
      case 'view':
        return this.#buffer(value as ArrayBuffer | ArrayBufferView, mark);
      case 'moved':
        this.#move(value as Transferable);
        return value;
      case 'cloned':
        if (movesFrom(this.#peer) !== undefined && !mark && isMovable(value)) this.#move(value as Transferable);
        return value;
      case 'error':
        return this.#part(value, ERROR, encodeError(value, this.#peer.options.stacks));
      case 'url':
        return this.#part(value, URL_TEXT, [String(value)]);
      case 'headers':
        return this.#part(value, HEADERS, [...(value as unknown as Iterable<[string, string]>)]);
      case 'transform': {
        const {readable, writable} = value as TransformStream;
        return this.#part(value, TRANSFORM, [this.#flow('readable', readable), this.#flow('writable', writable)]);
      }
      case 'promise':
      case 'readable':
      case 'writable':
      case 'iterable':
      case 'signal':
        return this.#part(value, PROMISE + FLOW_KINDS.indexOf(kind), this.#flow(kind, value));
      case 'symbol':
        throw this.#uncloneable(`a ${value.constructor.name}`);
      case 'reference':
        return mark?.as === 'value' || (this.#materializes && isOfApp(value)) ? this.#members(value) : this.#reference(value, mark);
      default:
        return kind satisfies never;
    }
  }

  #members(value: object, copy: Record<string, unknown> = {}): object {
    this.#remember(value, copy);
    this.#count(1);
    this.#checkDepth();
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      setOwn(copy, key, isPrimitive(member) ? member : this.#at(key, member));
    }
    return copy;
  }

  #array(value: readonly unknown[]): unknown[] {
    this.#count(1 + value.length / 8);
    const copy = Object.values(value);
    // An array with holes or members of its own is copied as structured clone does it. Its length may be four billion.
    if (copy.length !== value.length || value.includes(undefined)) {
      copy.length = 0;
      this.#members(value, copy as never);
      copy.length = value.length;
      return copy;
    }
    this.#checkDepth();
    this.#remember(value, copy);
    for (let i = 0; i < copy.length; i++) if (!isPrimitive(copy[i])) copy[i] = this.#at(i, copy[i]);
    return copy;
  }

  /** Encodes entries as an array, with a hole that gives their kind. This hole comes before those of the entries. */
  #entries(value: Map<unknown, unknown> | Set<unknown>, kind: number): unknown[] {
    this.#hole(kind, 0);
    const copy: unknown[] = [];
    this.#remember(value, copy, kind);
    this.#count(1 + value.size);
    this.#checkDepth();
    let i = 0;
    for (const entry of value) {
      this.#path.push(i++);
      copy.push(kind === MAP ? [this.#at(0, (entry as unknown[])[0]), this.#at(1, (entry as unknown[])[1])] : this.#walk(entry));
      this.#path.pop();
    }
    return copy;
  }

  #at(key: string | number, value: unknown): unknown {
    this.#path.push(key);
    const sent = this.#walk(value);
    this.#path.pop();
    return sent;
  }

  #buffer(value: ArrayBuffer | ArrayBufferView, mark: Mark | undefined): unknown {
    const minBytes = movesFrom(this.#peer);
    if (mark?.as === 'moved') return value;
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if (minBytes !== undefined && value.byteLength >= minBytes && buffer instanceof ArrayBuffer) {
      this.#move(buffer);
      return value;
    }
    // Larger buffers, and views of a part of one, are posted before the app can write to them.
    if (buffer instanceof ArrayBuffer && buffer.byteLength <= COPY_BYTES) {
      const copied = (this.#memo?.get(buffer)?.copy as ArrayBuffer | undefined) ?? buffer.slice(0);
      this.#remember(buffer, copied);
      const copy = ArrayBuffer.isView(value) ? viewOf(value, copied) : copied;
      this.#remember(value, copy);
      return copy;
    }
    this.#item.isUrgent = true;
    return value;
  }

  #fn(value: unknown): unknown {
    const node = nodeOf(value);
    if (!node) return this.#reference(value as object, markOf(value as object));
    if ((node.peer.actual ?? node.peer) !== this.#peer) return this.#reference(value as object, undefined);
    const {target, path} = node;
    if (target === 0) return this.#hole(TARGET, [0, path]);
    if (target.isReleased) throw released(describe(node));
    if (!(target instanceof CallRecord)) return this.#hole(TARGET, [-target.id, path]);
    if (!target.outcome && !target.item) return this.#hole(PROMISE, this.#flow('promise', value as unknown as object));
    if (!target.outcome) return this.#hole(TARGET, [target.id, path]);
    return this.#walk(readResult(node));
  }

  #reference(value: object, mark: Mark | undefined): undefined {
    const isFunction = typeof value === 'function';
    const name = nameOf(value);
    const id = this.#peer.addReference(value, name, this.#item);
    const snapshot = mark?.as === 'reference' && mark.keys ? pick(value, mark.keys) : !isFunction && isEvent(value) ? snapshotOf(value) : undefined;
    const options = isFunction ? handlerOptionsOf(value) : undefined;
    const wire: WireReference = options ? [id, 1, name, snapshot, options] : snapshot ? [id, isFunction ? 1 : 0, name, snapshot] : [id, isFunction ? 1 : 0, name];
    return this.#hole(REF, wire);
  }

  #handled(handler: Handler, value: unknown): undefined {
    const peer = this.#peer;
    const context = peer.handlers.contextOf(handler);
    const wire = handler.toWire(value, {...context, encode: part => encode(part, peer, this.#item, this.#materializes)});
    return this.#hole(HANDLED, [handler.wireType, wire]);
  }

  #flow(kind: FlowKind, value: object): unknown {
    if ((kind === 'readable' || kind === 'writable') && (value as ReadableStream).locked) throw this.#uncloneable('a locked stream');
    return this.#peer.flows.offer(kind, value, this.#item);
  }

  #move(part: Transferable): void {
    const reason = this.#peer.transport.cannotTransfer;
    if (reason && kindOf(part) === 'moved') throw new RemoteError('ERR_REMOTE_UNCLONEABLE', `Can't transfer a ${nameOf(part)}: ${reason}`, {path: this.#pathText()});
    if (!reason && !this.#item.transfer.includes(part)) this.#item.transfer.push(part);
  }

  /** Encodes an object as a hole. If it is met again, it is the same object on the other side. */
  #part(value: object, kind: number, data: unknown): undefined {
    this.#remember(value, undefined, kind, data);
    return this.#hole(kind, data);
  }

  #hole(kind: number, data: unknown): undefined {
    this.#holes.push([this.#path.slice(), kind, data]);
    return undefined;
  }

  #remember(value: object, copy: unknown, kind?: number, data?: unknown): void {
    (this.#memo ??= new Map()).set(value, {copy, kind, data});
  }

  #count(nodes: number): void {
    if (this.#nodes > COPY_NODES || (this.#nodes += nodes) <= COPY_NODES) return;
    this.#item.isUrgent = true;
    // Each reference or stream that was found is offered to the other side already, and has a hole.
    if (!this.#holes.length && isPlain(this.#root, this.#peer, 0)) throw PLAIN;
  }

  #checkDepth(): void {
    const {depth} = this.#peer.options.limits;
    if (this.#path.length > depth) throw tooDeep(depth);
  }

  #uncloneable(what: string): RemoteError {
    const path = this.#pathText();
    return new RemoteError('ERR_REMOTE_UNCLONEABLE', `Can't send ${what}${path && ` (at ${path})`}`, {path});
  }

  #pathText(): string {
    return this.#path.join('.');
  }
}

/** The size in bytes from which buffers are transferred; undefined for never. */
const movesFrom = ({options, transport}: EncodingPeer): number | undefined => (transport.cannotTransfer ? undefined : options.movesFrom);

/** Whether structured clone copies a large value correctly without holes. */
function isPlain(value: unknown, peer: EncodingPeer, depth: number): boolean {
  if (isPrimitive(value)) return true;
  if (typeof value !== 'object' || value === null || depth > PLAIN_DEPTH || markOf(value) || peer.options.handlers.some(handler => handler.canHandle(value))) return false;
  switch (kindOf(value)) {
    case 'array':
    case 'plain':
      return Object.values(value).every(member => isPlain(member, peer, depth + 1));
    case 'cloned':
    case 'buffer':
    case 'view':
      return movesFrom(peer) === undefined;
    default:
      return false;
  }
}

/** A Node Buffer becomes a Uint8Array, as with structured clone: it has the same tag. */
function viewOf(value: ArrayBufferView, buffer: ArrayBuffer): ArrayBufferView {
  const View = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView>)[tagOf(value).slice(8, -1)]!;
  return new View(buffer, value.byteOffset, (value as Partial<Uint8Array>).length ?? value.byteLength);
}

const isOfApp = (value: object): boolean => typeof value !== 'function' && tagOf(value) === '[object Object]';

function nameOf(value: object): string {
  const named = typeof value === 'function' ? value : (Object.getPrototypeOf(value) as {constructor?: unknown} | null)?.constructor;
  const name = typeof named === 'function' ? (named as {name?: unknown}).name : '';
  return typeof name === 'string' ? name : '';
}

function pick(value: object, keys: readonly PropertyKey[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) {
    const member = (value as Record<PropertyKey, unknown>)[key];
    if (isPrimitive(member)) picked[String(key)] = member;
  }
  return picked;
}
