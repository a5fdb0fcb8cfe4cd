import {isThenable} from '../platform/thenable.js';
import {CallRecord, type Calls, type Outcome} from './calls.js';
import {perform, type OperationRules} from './operations.js';
import {createStub, nodeOf, releaseNode, type StubNode} from './stubs.js';
import {GET, type Kind, type Wants} from './wire.js';

/** The rules for operations on a value that has arrived on this side: its holder may do anything with it. */
const NO_RULES: OperationRules = {};

/** Does an operation on a result that has arrived, without a message unless the value is a stub. */
export function operateOnResult(
  calls: Calls, outcome: Outcome, path: readonly string[], kind: Kind, values: readonly unknown[], what: string, wants: Wants
): CallRecord {
  if (!outcome.ok) {
    const call = calls.settled(outcome, what);
    call.isAwaited = true;
    return call;
  }
  const node = nodeOf(outcome.value);
  if (node) return node.peer.operate({...node, path: [...node.path, ...path]}, kind, undefined, values, wants);
  try {
    const value = perform(outcome.value, path, kind, values, NO_RULES);
    if (!isThenable(value)) return calls.settled({ok: true, value}, what);
    return new CallRecord(0, what, undefined, calls).follow(value);
  } catch (error) {
    return calls.settled({ok: false, error}, what);
  }
}

/** The value of a stub on a result that has arrived. @throws the error of the call */
export function readResult({target, path}: StubNode): unknown {
  const {outcome} = target as CallRecord;
  if (!outcome!.ok) throw outcome!.error;
  if (!path.length) return outcome!.value;
  const node = nodeOf(outcome!.value);
  return node ? createStub(node.peer, node.target, [...node.path, ...path]) : perform(outcome!.value, path, GET, [], NO_RULES);
}

/** Iterates over the items of a result. */
export async function *iterateResult(call: CallRecord): AsyncIterableIterator<unknown> {
  yield* (await call.promise()) as AsyncIterable<unknown>;
}

/** Releases what a result holds on the other side. */
export function releaseResult(value: unknown): void {
  const node = nodeOf(value);
  if (node) releaseNode(node);
  else if (typeof value === 'object' && value !== null && Object.hasOwn(value, Symbol.dispose)) (value as Disposable)[Symbol.dispose]();
}
