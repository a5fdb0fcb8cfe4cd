import {startTimer} from '../../platform/threads.js';
import {encodeError, MAX_DEPTH, uncloneablePath} from '../error-transfer.js';
import type {TaskContext} from '../task.js';
import {type FailureKind, type FromThread, type ItemOutcome, type RunMessage, type StartMessage, STARTED, type ToRun, type ToThread, WAITS} from '../messages.js';

type Callable = (...args: unknown[]) => unknown;

export interface ThreadPort {
  post(message: FromThread, transfer?: readonly Transferable[]): void;
  /** In a browser, takes the lock whose release tells the pool that this thread has ended. In Node, imports the pool's script. */
  announce(message: StartMessage, ready: () => void): void;
}

const MAX_COMPILED = 200;
const PROGRESS_MS = 16;
/** Matches the ends of class names: MessagePort, ImageBitmap, OffscreenCanvas, and the three kinds of streams. Other classes with these ends can't be copied either. */
const transferables = /( ArrayBuffer|Port|Bitmap|Canvas|Stream)]/;

/** A failure that is not the task's own error. */
class Failure {
  constructor(readonly kind: FailureKind, readonly error?: unknown, readonly path = '') {}
}

/** What a thread does: it compiles and calls functions, one task after the other. */
export class ThreadRuntime {
  #setStarted!: (data: unknown) => void;
  /** Resolves with the pool's option `data`, before the first task. */
  readonly started = new Promise<unknown>(resolve => { this.#setStarted = resolve; });
  readonly exposed: Record<string, Callable> = Object.create(null);
  readonly onEnd: (() => unknown)[] = [];
  readonly transfers = new WeakMap<object, readonly Transferable[]>();
  #id = 0;
  #claims: Int32Array | undefined;
  readonly #compiled = new Map<string, Callable | string>();
  readonly #waiting: RunMessage[] = [];
  #current: Run | undefined;

  constructor(private readonly port: ThreadPort) {
    // esbuild's keepNames calls it in the text of functions (evanw/esbuild#1031).
    (globalThis as {__name?: unknown}).__name ??= (fn: object, value: string) => Object.defineProperty(fn, 'name', {value, configurable: true});
  }

  receive(message: ToThread): void {
    switch (message?.$) {
      case 'start': return this.#start(message);
      case 'run':
        // The text is kept even if the pool has taken the task back, because the pool sends a text once.
        if (message.text !== undefined) this.#keep(message.hash!, message.text);
        this.#waiting.push(message);
        if (!this.#current) void this.#work();
        return;
      case 'end': return void this.#end();
      case 'abort':
      case 'credit':
      case 'return':
        if (this.#current?.message.id === message.id) this.#current.receive(message);
    }
  }

  report(error: unknown): void {
    this.port.post({$: 'error', error: encodeError(error)});
  }

  #start(message: StartMessage): void {
    this.#id = message.id;
    this.#setStarted(message.data);
    this.#claims = message.claims;
    this.port.announce(message, () => this.port.post({$: 'ready', globals: message.globals ? globalNames() : undefined}));
  }

  async #end(): Promise<void> {
    for (const callback of this.onEnd) {
      try { await callback(); } catch (error) { this.report(error); }
    }
    this.port.post({$: 'ended'});
  }

  /** Runs tasks until none waits. It passes over those that the pool has taken back. */
  async #work(): Promise<void> {
    for (let message; (message = this.#waiting.shift());) {
      const {slot} = message;
      if (slot >= 0 && Atomics.compareExchange(this.#claims!, slot, WAITS, STARTED) !== WAITS) continue;
      this.#current = new Run(message, this.#id, this.port);
      // Without an answer, the task would never settle, and the thread would run no other.
      await this.#run(message, this.#current)
        .catch(() => this.port.post({$: 'fail', id: message.id, kind: 'task', error: {message: 'Unreadable error'}, index: 0}));
      this.#current = undefined;
    }
  }

  async #run(message: RunMessage, run: Run): Promise<void> {
    const {id} = message;
    const start = performance.now();
    let index = 0;
    try {
      const fn = await this.#find(message);
      const values: unknown[] = [];
      const {first} = message;
      for (const call of message.calls) {
        const args = first === undefined ? call as unknown[] : fn.length > 1 ? [call, first + index] : [call];
        // A function that declares one parameter more than it gets arguments wants the context.
        const all = fn.length > args.length ? [...args, run.context] : args;
        if (!message.settle) {
          let value = fn(...all);
          // An `await` for each result would slow the items of `map` down.
          if ((value as {then?: unknown} | undefined | null)?.then) value = await value;
          if (message.credit) value = await this.#stream(run, value);
          values.push(value);
        } else {
          try { values.push({value: await fn(...all)} satisfies ItemOutcome); }
          catch (error) { values.push({error: encodeError(error)} satisfies ItemOutcome); }
        }
        index++;
      }
      run.flush();
      this.#send({$: 'done', id, values, ms: performance.now() - start}, values, message.transferResult);
    } catch (error) {
      try { run.flush(); } catch { /* The task has failed already. */ }
      const failure = error instanceof Failure ? error : new Failure('task', error);
      this.port.post({$: 'fail', id, ...failure, error: encodeError(failure.error), index});
    }
  }

  async #stream(run: Run, source: unknown): Promise<void> {
    const {id} = run.message;
    const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | undefined | null;
    if (!iterable?.[Symbol.asyncIterator] && !iterable?.[Symbol.iterator]) throw new Failure('iterator');
    // The consumer left the loop before the first value.
    if (run.isReturned) return;
    for await (const value of iterable as AsyncIterable<unknown>) {
      this.#send({$: 'next', id, value}, [value]);
      run.credit--;
      while (run.credit < 1 && !run.isReturned) await new Promise<void>(resolve => { run.wake = resolve; });
      if (run.isReturned) return;
    }
  }

  #find(message: RunMessage): Callable | Promise<Callable> {
    const {hash, url, export: name} = message;
    if (hash !== undefined) return this.#compile(hash);
    if (url === undefined) return pick(this.exposed, name!);
    return import(url).then(
      (module: Record<string, unknown>) => pick(module, name!),
      (error: unknown) => { throw new Failure('module', error); }
    );
  }

  #compile(hash: string): Callable {
    let fn = this.#compiled.get(hash)!;
    if (typeof fn === 'string') {
      try { fn = compile(fn, hash); } catch (error) { throw new Failure('text', error); }
    }
    this.#keep(hash, fn);
    return fn;
  }

  /** Keeps the functions that were used last. */
  #keep(hash: string, item: Callable | string): void {
    this.#compiled.delete(hash);
    this.#compiled.set(hash, item);
    if (this.#compiled.size > MAX_COMPILED) this.#compiled.delete(this.#compiled.keys().next().value!);
  }

  /** @param isAuto whether everything in the values that can be moved is moved, not only what `transfer` has marked */
  #send(message: FromThread, values: readonly unknown[], isAuto = false): void {
    const list = new Set<Transferable>();
    try {
      for (const value of values) {
        this.transfers.get(value as object)?.forEach(item => list.add(item));
        if (isAuto) collect(value, list, 0);
      }
      this.port.post(message, [...list]);
    } catch (error) {
      throw new Failure('clone', error, uncloneablePath(values));
    }
  }
}

/** A task while it runs. Its AbortController, the most expensive part of an empty task in Node, is made only if the task wants it. */
class Run {
  credit: number;
  isReturned = false;
  wake?: () => void;
  #controller: AbortController | undefined;
  #context: TaskContext | undefined;
  #last = 0;
  #pending: [unknown] | undefined;
  #timer: ReturnType<typeof startTimer> | undefined;

  constructor(readonly message: RunMessage, private readonly thread: number, private readonly port: ThreadPort) {
    this.credit = message.credit ?? 0;
  }

  get context(): TaskContext {
    return this.#context ??= {
      signal: (this.#controller ??= new AbortController()).signal, progress: value => this.#sendProgress(value), thread: this.thread, attempt: this.message.attempt
    };
  }

  receive(message: ToRun): void {
    if (message.$ === 'abort') (this.#controller ??= new AbortController()).abort(message.reason);
    else if (message.$ === 'credit') this.credit++;
    else this.isReturned = true;
    this.wake?.();
  }

  /** Sends one message for all values that a task reports within 16 ms: the last value. */
  #sendProgress(value: unknown): void {
    this.#pending = [value];
    const wait = this.#last + PROGRESS_MS - performance.now();
    if (wait <= 0) this.flush();
    else this.#timer ??= startTimer(() => this.flush(), wait);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending) return;
    this.#last = performance.now();
    this.port.post({$: 'progress', id: this.message.id, value: pending[0]});
  }
}

/** Indirect eval: functions see only the global scope, and sloppy functions stay sloppy. Methods need an object around them. */
function compile(text: string, hash: string): Callable {
  const end = `\n//# sourceURL=sharedb-tabs-task/${hash}.js`;
  const run = globalThis.eval;
  try {
    return run(`(${text}\n)${end}`) as Callable;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const holder = run(`({${text}\n})${end}`) as object;
    const {value, get, set} = Object.values(Object.getOwnPropertyDescriptors(holder))[0]! as PropertyDescriptor;
    return (value ?? get ?? set) as Callable;
  }
}

/** @param from has no prototype: a module, or the exposed functions */
function pick(from: Record<string, unknown>, name: string): Callable {
  const fn = from[name];
  if (typeof fn === 'function') return fn as Callable;
  throw new Failure('export', undefined, Object.keys(from).join(', '));
}

function collect(value: unknown, list: Set<Transferable>, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (ArrayBuffer.isView(value)) collect(value.buffer, list, depth);
  else if (transferables.test(Object.prototype.toString.call(value))) list.add(value as Transferable);
  else for (const child of Object.values(value)) collect(child, list, depth + 1);
}

function globalNames(): string[] {
  const names: string[] = [];
  for (let object: unknown = globalThis; object; object = Object.getPrototypeOf(object)) names.push(...Object.getOwnPropertyNames(object));
  return names;
}
