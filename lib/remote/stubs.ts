import {CallRecord} from './calls.js';
import {latestOnly, prepareEvent} from './events.js';
import type {Reference} from './references.js';
import {CALL, DELETE, GET, NEVER, NEW, SET, UNREQUESTED, type Kind, type Wants} from './wire.js';

/** The part of a connection that stubs need. */
export interface StubPeer {
  readonly connection: unknown;
  /** The current connection, for a stub that is used with several connections, one after another. */
  readonly actual?: StubPeer | undefined;
  operate(node: StubNode, kind: Kind, key: string | undefined, values: readonly unknown[], wants: Wants): CallRecord;
  release(reference: Reference | CallRecord): void;
  iterate(call: CallRecord, path: readonly string[]): AsyncIterableIterator<unknown>;
}

/** 0 is the value that the other side exposes. */
export type StubTarget = 0 | Reference | CallRecord;

/** The target of a stub and the path on it. */
export interface StubNode {
  readonly peer: StubPeer;
  readonly target: StubTarget;
  /** Members that were read on the target. No message was sent for them. */
  readonly path: readonly string[];
}

const {dispose, asyncIterator} = defineSymbols();
/** The key by which a stub's traps find its node, even if Vue or MobX have wrapped the stub in a proxy of their own. */
const NODE = Symbol('sharedb-tabs.stub');
const ROOT_PATH: readonly string[] = [];
/** A bound function: it has no property that a proxy can't hide, and can be called with `new`. */
const callable = (): Fn => BOUND.bind(undefined);
type Fn = (...args: unknown[]) => unknown;
const BOUND = function stub() {} as Fn;

interface ProxyTarget extends Fn {
  node: StubNode;
  disposeStub?: () => void;
  trigger?: Fn | undefined;
}

/** The node of a stub; undefined for other values. */
export function nodeOf(value: unknown): StubNode | undefined {
  if (typeof value !== 'function') return undefined;
  // The node is behind a function, because Vue makes objects that are read from its proxies reactive.
  const self = (value as unknown as Record<symbol, (() => StubNode) | undefined>)[NODE];
  return typeof self === 'function' ? self() : undefined;
}

/** Whether a value is a stub of something in another context. Never sends a message. */
export const isStub = (value: unknown): boolean => nodeOf(value) !== undefined;

export function createStub(peer: StubPeer, target: StubTarget, path: readonly string[] = ROOT_PATH): Fn {
  const holder = callable() as ProxyTarget;
  holder.node = {peer, target, path};
  return new Proxy(holder, TRAPS) as Fn;
}

const thenable = (node: StubNode): boolean => node.path.length > 0 || node.target instanceof CallRecord;

/** The call whose result is awaited: the stub's own, or a read of its path. */
function awaited(node: StubNode): CallRecord {
  if (node.target instanceof CallRecord && !node.path.length) return node.target;
  return node.peer.operate(node, GET, undefined, [], 1);
}

const TRAPS: ProxyHandler<ProxyTarget> = {
  get(holder, key) {
    const {node} = holder;
    if (typeof key === 'symbol') return readSymbol(holder, key);
    if (key === 'then' || key === 'catch' || key === 'finally') {
      if (!thenable(node)) return undefined;
      return promiseMember(node, key);
    }
    return createStub(node.peer, node.target, [...node.path, key]);
  },
  apply(holder, _thisArg, args) {
    const {node} = holder;
    const options = node.path.length || node.target === 0 || node.target instanceof CallRecord ? undefined : node.target.options;
    if (!options) return called(node, args);
    holder.trigger ??= options.latest ? latestOnly(values => called(node, values)) : undefined;
    return prepareEvent(args[0], options, node.target as Reference) ? (holder.trigger ?? (values => called(node, values as unknown[])))(args) : undefined;
  },
  construct(holder, args) {
    return stubOf(holder.node, holder.node.peer.operate(holder.node, NEW, undefined, args, UNREQUESTED));
  },
  set(holder, key, value) {
    if (typeof key !== 'string') return false;
    holder.node.peer.operate(holder.node, SET, key, [value], NEVER);
    return true;
  },
  deleteProperty(holder, key) {
    if (typeof key !== 'string') return false;
    holder.node.peer.operate(holder.node, DELETE, key, [], NEVER);
    return true;
  },
  // None of these reveals anything about the other side.
  has: (_holder, key) => key === NODE,
  ownKeys: () => [],
  getOwnPropertyDescriptor: () => undefined,
  defineProperty: () => false,
  getPrototypeOf: () => null,
  setPrototypeOf: () => false,
  preventExtensions: () => false
};

const called = (node: StubNode, args: unknown[]): Fn => stubOf(node, node.peer.operate(node, CALL, undefined, args, UNREQUESTED));

const stubOf = ({peer}: StubNode, call: CallRecord): Fn => createStub((call.owner as StubPeer | undefined) ?? peer, call);

function readSymbol(holder: ProxyTarget, key: symbol): unknown {
  const {node} = holder;
  switch (key) {
    case NODE:
      return () => node;
    case dispose:
      return (holder.disposeStub ??= () => releaseNode(node));
    case Symbol.toPrimitive:
    case Symbol.toStringTag:
      return key === Symbol.toStringTag ? 'Remote' : () => describe(node);
    case asyncIterator:
      return thenable(node) ? () => node.peer.iterate(awaited(node), ROOT_PATH) : undefined;
    default:
      return undefined;
  }
}

function promiseMember(node: StubNode, key: 'then' | 'catch' | 'finally'): unknown {
  // Reading `then` shows that the result will be awaited, before the frame of this turn is posted.
  if (node.target instanceof CallRecord && !node.path.length) node.target.want();
  return (...args: unknown[]) => {
    const promise = awaited(node).promise();
    return (promise[key] as Fn).apply(promise, args);
  };
}

/** Releases what a stub holds. Never throws. */
export function releaseNode(node: StubNode): void {
  if (!node.path.length && node.target !== 0) node.peer.release(node.target);
}

export function describe({target, path}: StubNode): string {
  const base = target === 0 ? '' : target instanceof CallRecord ? `result of ${target.what}` : target.name;
  return `[remote ${[base, ...path].filter(Boolean).join('.') || 'object'}]`;
}

/** Older browsers have no `Symbol.dispose`. Compiled `using` looks for it at the call. */
function defineSymbols(): {dispose: symbol; asyncIterator: symbol} {
  if (!Symbol.dispose) Object.defineProperty(Symbol, 'dispose', {value: Symbol('Symbol.dispose'), configurable: true});
  return {dispose: Symbol.dispose, asyncIterator: Symbol.asyncIterator};
}
