import type {Handler, HandlerContext} from './types.js';
import {SAY, outgoing, type Outgoing} from './wire.js';

interface HandlersOptions {
  put(item: Outgoing): void;
  schedule(): void;
  onError(error: unknown, what: string): void;
}

/** The contexts of a connection's handlers. One handler may serve several connections. */
export class HandlerContexts {
  readonly #contexts = new Map<Handler, HandlerContext>();

  readonly #handlers: readonly Handler[];
  readonly #options: HandlersOptions;

  constructor(handlers: readonly Handler[], options: HandlersOptions) {
    this.#handlers = handlers;
    this.#options = options;
    for (const handler of handlers) {
      this.#contexts.set(handler, {
        send: payload => options.put(outgoing([SAY, handler.wireType, payload])),
        schedule: () => options.schedule()
      });
    }
  }

  contextOf(handler: Handler): HandlerContext {
    return this.#contexts.get(handler)!;
  }

  connect(): void {
    for (const [handler, context] of this.#contexts) this.#guarded(`connect of ${handler.wireType}`, () => handler.connect?.(context));
  }

  disconnect(): void {
    for (const [handler, context] of this.#contexts) this.#guarded(`disconnect of ${handler.wireType}`, () => handler.disconnect?.(context));
  }

  /** The handlers' data for the frame that is posted now, or 0. */
  collect(): unknown {
    let ext: Record<string, unknown> | 0 = 0;
    for (const handler of this.#handlers) {
      if (!handler.collectReturnData) continue;
      this.#guarded(`collectReturnData of ${handler.wireType}`, () => {
        const data = handler.collectReturnData!(this.contextOf(handler));
        if (data !== undefined) (ext ||= {})[handler.wireType] = data;
      });
    }
    return ext;
  }

  process(ext: unknown): void {
    if (typeof ext !== 'object' || ext === null) return;
    for (const handler of this.#handlers) {
      if (!handler.processReturnData || !Object.hasOwn(ext, handler.wireType)) continue;
      this.#guarded(`processReturnData of ${handler.wireType}`, () => handler.processReturnData!((ext as Record<string, unknown>)[handler.wireType], this.contextOf(handler)));
    }
  }

  hear(wireType: unknown, payload: unknown): void {
    const handler = this.#handlers.find(candidate => candidate.wireType === wireType);
    if (handler?.onMessage) this.#guarded(`onMessage of ${handler.wireType}`, () => handler.onMessage!(payload, this.contextOf(handler)));
  }

  #guarded(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.onError(error, what);
    }
  }
}
