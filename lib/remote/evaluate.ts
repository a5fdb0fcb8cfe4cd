import {RemoteError} from './errors.js';
import type {CallRecord} from './calls.js';
import {isStub, nodeOf} from './stubs.js';
import {EVALUATE, RUN, WANTED, type Kind, type Wants} from './wire.js';

/** The part of a connection that evaluates. */
export interface EvaluatingPeer {
  send(target: number, path: readonly string[], kind: Kind, values: readonly unknown[], wants: Wants): CallRecord;
}

/** Copies what stubs refer to, in one round trip; see `Evaluate`. */
export async function evaluateOn(peer: EvaluatingPeer, args: readonly unknown[]): Promise<unknown> {
  const [first, ...refs] = args;
  if (typeof first === 'function' && !isStub(first)) return peer.send(0, [], RUN, [String(first), ...refs], WANTED).promise();
  if (refs.length) throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'evaluate() takes one stub, an object or array of stubs, or a function and its arguments');
  if (isStub(first)) return peer.send(0, [], EVALUATE, [first], WANTED).promise();
  const stubs = stubsIn(first);
  if (!stubs.length) return first;
  const values = (await peer.send(0, [], EVALUATE, [stubs.map(([, stub]) => stub)], WANTED).promise()) as unknown[];
  const copy = (Array.isArray(first) ? Object.assign([], first, {length: first.length}) : {...(first as object)}) as Record<string, unknown>;
  stubs.forEach(([key], i) => copy[key] = values[i]);
  return copy;
}

/** Evaluates on the connection of the first stub among the arguments. */
export function evaluate(...args: unknown[]): Promise<unknown> {
  const stub = args.find(isStub) ?? stubsIn(args[0])[0]?.[1];
  const peer = nodeOf(stub)?.peer as unknown as EvaluatingPeer | undefined;
  if (peer) return evaluateOn(peer, args);
  if (typeof args[0] !== 'function') return Promise.resolve(args[0]);
  return Promise.reject(new RemoteError('ERR_REMOTE_BAD_OPTION', 'evaluate(fn) without a stub does not know where to run: use connection.evaluate(fn)'));
}

function stubsIn(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).filter(([, member]) => isStub(member));
}
