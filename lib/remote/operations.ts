import {isThenable} from '../platform/thenable.js';
import {RemoteError, tagOf} from './errors.js';
import {checkTooLate} from './events.js';
import {noMember, readMember, writeMember, mayReach, type Allow} from './members.js';
import {portTo} from './ports.js';
import {isStub} from './stubs.js';
import {CALL, DELETE, EVALUATE, GET, NEW, PORT, RUN, SET, type Kind} from './wire.js';

/** The options of the side that performs operations. */
export interface OperationRules {
  readonly allow?: Allow | undefined;
  readonly allowEvaluate?: boolean;
}

type Members = Record<string, (...args: unknown[]) => unknown>;

/** Performs an operation of the other side. Each step of the path is checked. Returns the result, or a promise of it. */
export function perform(target: unknown, path: readonly string[], kind: Kind, values: readonly unknown[], rules: OperationRules): unknown {
  if (isThenable(target)) return Promise.resolve(target).then(value => perform(value, path, kind, values, rules));
  if (path.length > (kind === CALL || kind === SET || kind === DELETE || kind === NEW ? 1 : 0)) {
    const [key, ...rest] = path as [string, ...string[]];
    return perform(step(target, key, rules), rest, kind, values, rules);
  }
  const key = path[0];
  switch (kind) {
    case GET:
      return target;
    case CALL:
      return call(target, key, values, rules);
    case NEW:
      return Reflect.construct(functionOf(target, key, 'new', rules), values);
    case SET:
    case DELETE:
      return write(target, key, kind, values, rules);
    case EVALUATE:
      return values[0];
    case RUN:
      return run(values, rules);
    case PORT:
      return portTo(values[0]);
  }
}

/** If the target is a stub of a third context, its own connection reads the member. */
function step(target: unknown, key: string, {allow}: OperationRules): unknown {
  if (isStub(target)) return (target as Record<string, unknown>)[key];
  return readMember(target, key, 'get', allow);
}

function call(target: unknown, key: string | undefined, values: readonly unknown[], rules: OperationRules): unknown {
  if (isStub(target)) return key === undefined ? (target as (...args: unknown[]) => unknown)(...values) : (target as unknown as Members)[key]!(...values);
  if (key === undefined) return Reflect.apply(functionOf(target, key, 'call', rules), undefined, values);
  if (typeof target === 'function' && !mayReach(target, key, 'call', rules.allow)) {
    // Inherited members of functions are not accessible, so these three are implemented here.
    if (key === 'call') return Reflect.apply(functionOf(target, undefined, 'call', rules), values[0], values.slice(1));
    if (key === 'apply') return Reflect.apply(functionOf(target, undefined, 'call', rules), values[0], Array.isArray(values[1]) ? values[1] : []);
    if (key === 'bind') {
      const bound = functionOf(target, undefined, 'call', rules);
      return (...more: unknown[]) => Reflect.apply(bound, values[0], [...values.slice(1), ...more]);
    }
  }
  checkTooLate(target, key);
  return Reflect.apply(functionOf(target, key, 'call', rules), target, values);
}

function functionOf(target: unknown, key: string | undefined, kind: 'call' | 'new', {allow}: OperationRules): (...args: unknown[]) => unknown {
  let fn = target;
  if (key !== undefined) {
    if (target == null) throw new TypeError(`Cannot read properties of ${target} (reading '${key}')`);
    if (isStub(target)) return (target as unknown as Members)[key]!;
    if (!mayReach(target, key, kind, allow)) throw noMember(key);
    fn = (target as Record<string, unknown>)[key];
  }
  if (typeof fn !== 'function') throw new RemoteError('ERR_REMOTE_NOT_A_FUNCTION', `${key === undefined ? 'What was called' : `'${key}'`} is not a function on the other side, but ${fn === null ? 'null' : `of type ${typeof fn}`}`);
  if (makesFunctions(fn)) throw noMember(key ?? 'call');
  return fn as (...args: unknown[]) => unknown;
}

/** Whether a function is `Function` or a variant of it, in any realm. They run source text. */
function makesFunctions(fn: unknown): boolean {
  if (isStub(fn)) return false;
  const {prototype} = fn as {prototype?: unknown};
  return prototype instanceof Function || /^\[object (?:Async)?(?:Generator)?Function\]$/.test(tagOf(prototype));
}

function write(target: unknown, key: string | undefined, kind: typeof SET | typeof DELETE, values: readonly unknown[], {allow}: OperationRules): void {
  if (key === undefined) throw new RemoteError('ERR_REMOTE_PROTOCOL', 'The operation to set a member names none');
  if (isStub(target)) {
    if (kind === SET) Reflect.set(target as object, key, values[0]);
    else Reflect.deleteProperty(target as object, key);
    return;
  }
  writeMember(target, key, allow, object => (kind === SET ? Reflect.set(object, key, values[0]) : Reflect.deleteProperty(object, key)));
}

/** Runs source text in strict mode, without a closure. */
function run([source, ...args]: readonly unknown[], {allowEvaluate}: OperationRules): unknown {
  if (!allowEvaluate) throw new RemoteError('ERR_REMOTE_NOT_ALLOWED', 'The other side does not run functions that are sent to it: its option allowEvaluate is not set');
  let fn: unknown;
  try {
    fn = new Function(`"use strict"; return (${String(source)}\n)`)();
  } catch (error) {
    if ((error as Error).name === 'EvalError') throw new RemoteError('ERR_REMOTE_NOT_ALLOWED', 'The other side does not run functions that are sent to it: its content security policy lacks unsafe-eval');
    throw error;
  }
  if (typeof fn !== 'function') throw new RemoteError('ERR_REMOTE_NOT_A_FUNCTION', 'The evaluated source is not a function');
  return Reflect.apply(fn as (...args: unknown[]) => unknown, undefined, args);
}
