import {Peer} from './connection.js';
import {endpointKey, transportOf} from './endpoints.js';
import {RemoteError} from './errors.js';
import {evaluate as evaluateStubs} from './evaluate.js';
import {setPortExposer} from './ports.js';
import {resolveOptions} from './options.js';
import {nodeOf, releaseNode} from './stubs.js';
import type {Connection, Endpoint, Evaluate, Recorder, Remote, RemoteOptions, Sent, Stub} from './types.js';
import {PORT, SET, WANTED} from './wire.js';

const peers = new WeakMap<object, Map<string, Peer>>();

/** The connection for an endpoint and a name. Both sides may expose and wrap on it. One that was closed in this turn is replaced by a new one. */
function peerOf(endpoint: Endpoint, options?: RemoteOptions): Peer {
  const key = endpointKey(endpoint);
  const resolved = resolveOptions(options);
  const {name} = resolved;
  let byName = peers.get(key);
  if (!byName) peers.set(key, byName = new Map());
  const known = byName.get(name);
  if (known && known.state !== 'closed') return known;
  const peer = new Peer(transportOf(endpoint), resolved);
  byName.set(name, peer);
  void peer.closed.then(() => byName.get(name) === peer && byName.delete(name));
  return peer;
}

/**
 * Returns a stub of the value that the other side exposes. It can be used at once: calls wait until the other side is ready.
 * @throws ERR_REMOTE_BAD_OPTION for a wrong endpoint or option
 */
export function wrap<T>(endpoint: Endpoint, options?: RemoteOptions): Remote<T> {
  return peerOf(endpoint, options).root as unknown as Remote<T>;
}

/** `wrap` with data members that can be assigned, for controlling a DOM. */
export function recorder<T>(endpoint: Endpoint, options?: RemoteOptions): Recorder<T> {
  return wrap(endpoint, options) as unknown as Recorder<T>;
}

/**
 * Lets the other side use a value: an object, a function, or a promise of one.
 * @throws ERR_REMOTE_BAD_OPTION for a wrong endpoint or option
 */
export function expose(value: unknown, endpoint: Endpoint, options?: RemoteOptions): Connection {
  const peer = peerOf(endpoint, options);
  peer.expose(value);
  return peer;
}

interface ConnectEvent {
  readonly ports: readonly MessagePort[];
}

/**
 * Exposes a value to each tab that connects to this shared worker. Call it synchronously in the worker's script.
 * @param value what all tabs share, or a function that is called with each tab's connection
 * @returns an object whose `Symbol.dispose` ends this and closes the connections
 */
export function exposeToAll<T extends object>(value: T | ((client: Connection) => T), options?: RemoteOptions): Disposable {
  const connections = new Set<Connection>();
  const listener = (event: unknown): void => {
    const peer = peerOf((event as ConnectEvent).ports[0]!, options);
    connections.add(peer);
    void peer.closed.then(() => connections.delete(peer));
    peer.expose(typeof value === 'function' ? (value as (client: Connection) => T)(peer) : value);
  };
  globalThis.addEventListener('connect', listener as EventListener);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener('connect', listener as EventListener);
      for (const connection of connections) connection.close();
    }
  };
}

/**
 * The connection behind a stub.
 * @throws ERR_REMOTE_BAD_OPTION if it is not a stub
 */
export function connectionOf(stub: Stub<unknown>): Connection {
  return nodeOrThrow(stub).peer.connection as Connection;
}

/**
 * The members that were sent with a reference (`ref(object, {with: …})`), without a round trip.
 * @throws ERR_REMOTE_BAD_OPTION if it is not a stub
 */
export function peek<T>(stub: Stub<T>): Partial<T> {
  const {target, path} = nodeOrThrow(stub);
  const peeked = target !== 0 && 'peek' in target && !path.length ? target.peek : undefined;
  return {...peeked} as Partial<T>;
}

/** Releases a stub. Ignores other values. Never throws. */
export function release(stub: unknown): void {
  const node = nodeOf(stub);
  if (node) releaseNode(node);
}

/**
 * Sets a member. Resolves when the other side has set it.
 * @throws ERR_REMOTE_BAD_OPTION if it is not a stub
 */
export function set<T, K extends keyof T>(stub: Stub<T>, key: K, value: Sent<T[K]>): Promise<void> {
  const node = nodeOrThrow(stub);
  return node.peer.operate(node, SET, String(key), [value], WANTED).promise() as Promise<void>;
}

/**
 * A port that leads directly to the object behind a stub. Send it to a third context, which wraps it.
 * @throws ERR_REMOTE_BAD_OPTION if it is not a stub
 */
export function port(stub: unknown): Promise<MessagePort> {
  const {peer} = nodeOrThrow(stub) as unknown as {peer: Peer};
  return peer.send(0, [], PORT, [stub], WANTED).promise() as Promise<MessagePort>;
}

/**
 * Copies what stubs refer to: for one stub, an object or array of them, or the arguments of a function that runs on the other
 * side.
 */
export const evaluate = evaluateStubs as Evaluate;

function nodeOrThrow(stub: unknown): NonNullable<ReturnType<typeof nodeOf>> {
  const node = nodeOf(stub);
  if (!node) throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'This is not a stub');
  return node;
}

setPortExposer((value, port) => void expose(value, port));
