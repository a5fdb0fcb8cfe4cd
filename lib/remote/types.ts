/// <reference lib="esnext.disposable" preserve="true" />

/** Any function. */
export type Fn = (...args: any[]) => any;
/** Any class. */
export type AnyClass = abstract new (...args: any[]) => any;
/** Whether T is `any`. The types below map `any` to `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether a member of T is a function: such objects arrive as stubs. */
export type HasMethods<T> = true extends {[K in keyof T]-?: NonNullable<T[K]> extends Fn ? true : never}[keyof T] ? true : false;

declare const STUB: unique symbol;

/**
 * Represents a T of the other context. TypeScript compares stubs by this brand and not by members: otherwise it compares all of
 * `Remote<HTMLElement>` with all of `Remote<Node>`, and gives up.
 */
export interface Stub<out T> {
  /** Only for the type checker. */
  readonly [STUB]: T;
}

/** Types that arrive as a copy, not as a stub. */
export type Copied =
  | string | number | boolean | bigint | null | undefined | Date | RegExp | Error | ArrayBuffer | ArrayBufferView | Blob | URL | Headers
  | AbortSignal | ReadableStream | WritableStream | TransformStream | MessagePort | ImageData;

/** The type in which a T arrives. */
export type Received<T> = IsAny<T> extends true ? any
  : unknown extends T ? unknown
  : T extends Copied ? T
  : T extends Fn | AnyClass ? Remote<T>
  : T extends PromiseLike<infer V> ? Promise<Received<V>>
  : T extends AsyncIterable<infer X> ? AsyncIterableIterator<Received<X>>
  : T extends Map<infer K, infer V> ? Map<Received<K>, Received<V>>
  : T extends Set<infer V> ? Set<Received<V>>
  : T extends readonly unknown[] ? {[K in keyof T]: Received<T[K]>}
  : HasMethods<T> extends true ? Remote<T>
  : T extends object ? {[K in keyof T]: Received<T[K]>}
  : T;

/** The type of values that may be sent for a T. */
export type Sent<T> = IsAny<T> extends true ? any
  : T extends Copied ? T | Stub<T>
  : T extends (...args: infer A) => infer R ? Stub<T> | ((...args: {[I in keyof A]: Received<A[I]>}) => R | Awaited<R> | Promise<Awaited<R>>)
  : T extends PromiseLike<infer V> ? T | Promise<Sent<V>>
  : T extends readonly unknown[] ? Stub<T> | {[K in keyof T]: Sent<T[K]>}
  : T extends object ? T | Stub<T> | {[K in keyof T]: Sent<T[K]>}
  : T | Stub<T>;

/** A function of the other context, as it is called from here: each argument as it is sent, the result as a call. */
export type RemoteFn<F> = F extends (...args: infer A) => infer R ? (...args: {[I in keyof A]: Sent<A[I]>}) => Call<Awaited<R>> : never;

/** The members of an object of the other context, as they are used from here. */
export type Members<T> = {
  [K in keyof T as K extends string ? Exclude<K, 'then' | 'catch' | 'finally'> : never]:
    T[K] extends AnyClass ? Remote<T[K]> : T[K] extends Fn ? RemoteFn<T[K]> & Disposable & Stub<T[K]> : Call<T[K]>
};

/** A class of the other context, as `new` is used on it from here. */
export type Constructs<T> = T extends new (...args: infer A) => infer I ? new (...args: {[K in keyof A]: Sent<A[K]>}) => Call<I> : unknown;

/** A stub. All members become asynchronous. A stub itself has no `then`. */
export type Remote<T> = IsAny<T> extends true ? any
  : Stub<T> & Members<T> & Constructs<T> & (T extends Fn ? RemoteFn<T> : unknown) & Disposable;

/** A promise of a result that is also a stub of it: its members can be used at once, in the same round trip. */
export type Call<R> = IsAny<R> extends true ? any
  // The tuple prevents distribution: a conditional type over `never` would be `never`.
  : [R] extends [never] ? Stub<R> & Promise<never> & Disposable
  : Stub<R> & Promise<Received<R>> & Disposable
    & (R extends Fn ? RemoteFn<R> : unknown)
    & ([R] extends [Copied] ? unknown : R extends readonly (infer X)[] ? {readonly [index: number]: Call<X>} : Members<NonNullable<R>>)
    & (R extends AsyncIterable<infer X> ? AsyncIterable<Received<X>> : unknown);

/**
 * A stub whose data members can be assigned, for controlling a DOM. TypeScript's mapped types can't give setters types of their
 * own.
 */
export type Recorder<T> = IsAny<T> extends true ? any
  : Stub<T> & Disposable & (T extends Fn ? (...args: any[]) => any : unknown)
    & {[K in keyof T as K extends string ? Exclude<K, 'then' | 'catch' | 'finally'> : never]: T[K] extends Fn ? (...args: any[]) => any : any};

/** The part of EventTarget and MessagePort that is used here. */
export interface WebEndpoint {
  /** Posts a message to the other side. */
  postMessage(message: any, transfer: any): void;
  /** Adds a listener, for example for `message`. */
  addEventListener(type: string, listener: (event: any) => void): void;
  /** Removes a listener. */
  removeEventListener(type: string, listener: (event: any) => void): void;
  /** Begins the delivery of messages, as a MessagePort needs it. */
  start?(): void;
}

/** The part of Node's Worker, MessagePort and parentPort that is used here. */
export interface NodeEndpoint {
  /** Posts a message to the other side. */
  postMessage(message: any, transfer?: any): void;
  /** Adds a listener. */
  on(type: string, listener: (...args: any[]) => void): unknown;
  /** Removes a listener. */
  off(type: string, listener: (...args: any[]) => void): unknown;
  /** Begins the delivery of messages, as a MessagePort needs it. */
  start?(): void;
}

/**
 * Anything that posts messages: a Worker, SharedWorker, MessagePort or a worker's global scope; Node's Worker, MessagePort or
 * parentPort.
 */
export type Endpoint = WebEndpoint | NodeEndpoint | {
  /** The port of a SharedWorker. */
  readonly port: WebEndpoint;
} | FrameTransport;

/** Reports what happens to a frame that is not posted at once. */
export interface FrameDelivery {
  /** The frame was posted. */
  posted(): void;
  /** The frame was not posted, and will not be. */
  failed(error: unknown): void;
}

/** Carries frames between two peers, in order. Any object with these members can be used as an endpoint. */
export interface FrameTransport {
  /**
   * Posts a frame. If it throws, nothing was posted or transferred.
   * @returns 'later' if the frame is not posted yet; `delivery` is then called once
   */
  post(frame: unknown, transfer: Transferable[], delivery: FrameDelivery): unknown;
  /** Called with each frame of the other side, in order. */
  onframe: ((frame: unknown) => void) | null;
  /** Called when no more frames will arrive. `mayHaveRun` is false if the other side has performed none of the posted calls. Default true. */
  onclose: ((reason: string, mayHaveRun?: boolean) => void) | null;
  /** Ends the transport on this side. */
  close(): void;
  /** Whether the receiver exists from the first frame on. If so, frames do not wait for its greeting. */
  readonly isConnected?: boolean;
  /** Why objects can't be transferred to the other side; undefined if they can. */
  readonly cannotTransfer?: string | undefined;
}

/** The options of one connection. */
export interface RemoteOptions {
  /** Separates connections on one endpoint. Both sides use the same name. Default ''. */
  name?: string;
  /** Ends the connection. */
  signal?: AbortSignal;
  /**
   * Lets the other side run source text here with `evaluate(fn)`. Only for a peer that you trust like your own code. Default
   * false.
   */
  allowEvaluate?: boolean;
  /** Whether the other side may access `key` of `target`. Some keys are never accessible. Default: yes. */
  allow?: (target: object, key: string, kind: 'get' | 'set' | 'call' | 'new') => boolean;
  /** Transfers ArrayBuffers and similar objects in arguments and results, of any size or from `minBytes` on. Default false. */
  autoTransfer?: boolean | {
    /** The size in bytes below which buffers are copied. */
    minBytes: number;
  };
  /** Handlers for custom types, including signals. Both sides use the same handlers in the same order. */
  handlers?: readonly Handler[];
  /** A call without an answer after this many ms is rejected with ERR_REMOTE_TIMEOUT. Default: never. */
  timeout?: number;
  /** Whether errors are sent with their stacks. Default true. */
  stacks?: boolean;
  /** Receives errors that nobody awaits. Default: `console.warn`. */
  onError?: (error: Error, what: string) => void;
  /** Limits against an untrusted peer. Defaults: depth 200, 1,000,000 references and as many open streams, 100,000 pending calls. */
  limits?: {
    /** How deep a value that is sent or received may be nested, and how many members a path of the other side may have. */
    depth?: number;
    /** How many references the other side may hold, and how many streams may be open. */
    references?: number;
    /** How many calls of the other side may be open at once. */
    pending?: number;
  };
}

/** Supports another type of value, and may exchange messages of its own. */
export interface Handler<T = unknown> {
  /** The name of the type. It is the same on both sides, and no other handler has it. */
  readonly wireType: string;
  /** Whether the handler encodes this value. The first handler that returns true gets it. */
  canHandle(value: unknown): value is T;
  /** Returns the value in a form that can be cloned. Use `context.encode` for the parts. */
  toWire(value: T, context: HandlerEncoding): unknown;
  /** Returns the value for the form that `toWire` of the other side returned. */
  fromWire(wire: unknown, context: HandlerDecoding): unknown;
  /** A connection begins. A handler may serve several; `context` identifies the connection. */
  connect?(context: HandlerContext): void;
  /** A connection has ended. */
  disconnect?(context: HandlerContext): void;
  /** Receives a message that the other side's handler sent with `context.send`. */
  onMessage?(payload: unknown, context: HandlerContext): void;
  /** The data to send with the frame that is posted now; undefined for none. Called after all values of the turn are encoded. */
  collectReturnData?(context: HandlerContext): unknown;
  /** Receives the data of the other side's handler. Called before anything of that frame settles or is called. */
  processReturnData?(data: unknown, context: HandlerContext): void;
}

/** The connection that a handler works for. */
export interface HandlerContext {
  /** Sends a message to the handler of the same wire type on the other side. */
  send(payload: unknown): void;
  /** Posts a frame at the end of this turn, so that `collectReturnData` is called. */
  schedule(): void;
}

/** The context for encoding a value. */
export interface HandlerEncoding extends HandlerContext {
  /** Encodes a part of the value, which can be a function, a stub or a value of another handler. */
  encode(part: unknown): unknown;
}

/** The context for decoding a value. */
export interface HandlerDecoding extends HandlerContext {
  /** Decodes what `encode` returned on the other side. */
  decode(part: unknown): unknown;
}

/** One end of a remote connection. */
export interface Connection extends Disposable {
  /** 'connecting' until the other side has greeted. */
  readonly state: 'connecting' | 'open' | 'closed';
  /** Resolves when the other side has greeted; rejects with the error of `closed` if the connection ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the connection has ended, with the reason. Never rejects. */
  readonly closed: Promise<Error>;
  /** Ends the connection: pending calls on both sides are rejected, references released, streams cancelled. */
  close(reason?: string): void;
  /**
   * Resolves when the other side has performed everything that was recorded so far. Rejects with the first error that nobody
   * awaits.
   */
  flush(): Promise<void>;
  /** Copies what stubs refer to, or runs a function on the other side: see {@link Evaluate}. */
  evaluate: Evaluate;
  /** Counts for tests and bug reports. */
  inspect(): {
    /** The objects and functions of this side that the other side holds. */
    references: number;
    /** The stubs of this side that are not released. */
    stubs: number;
    /** The calls of this side that have no answer. */
    pending: number;
    /** The open streams and iterations, of both sides. */
    streams: number;
    /** The names of the referenced objects and functions, for finding leaks. */
    names: string[];
  };
}

/**
 * Copies what stubs refer to: for one stub, an object or array of them, or the arguments of a function that runs on the other
 * side.
 */
export interface Evaluate {
  <T>(ref: Stub<T>): Promise<Received<T>>;
  <A extends unknown[], R>(fn: (...values: A) => R, ...refs: {[I in keyof A]: unknown}): Promise<Awaited<R>>;
  <T extends Record<string, unknown> | readonly unknown[]>(refs: T): Promise<{[K in keyof T]: T[K] extends Stub<infer V> ? V : T[K]}>;
}
