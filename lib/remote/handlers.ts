import type {Handler, HandlerContext} from './types.js';
import {HANDLER_MESSAGE, outgoing, type Outgoing} from './wire.js';

/** The part of a peer that its handlers need. */
interface HandlersPeer {
  readonly options: {readonly handlers: readonly Handler[]};
  put(item: Outgoing): void;
  schedule(mustPost: boolean): void;
  reportError(error: unknown, what: string): void;
}

/** The contexts of a connection's handlers. One handler may serve several connections. */
export class HandlerContexts {
  readonly #contexts = new Map<Handler, HandlerContext>();

  readonly #peer: HandlersPeer;

  constructor(peer: HandlersPeer) {
    this.#peer = peer;
    for (const handler of peer.options.handlers) {
      this.#contexts.set(handler, {
        send: payload => peer.put(outgoing([HANDLER_MESSAGE, handler.wireType, payload])),
        schedule: () => peer.schedule(true)
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
    for (const [handler, context] of this.#contexts) {
      if (!handler.collectReturnData) continue;
      this.#guarded(`collectReturnData of ${handler.wireType}`, () => {
        const data = handler.collectReturnData!(context);
        if (data !== undefined) (ext ||= {})[handler.wireType] = data;
      });
    }
    return ext;
  }

  process(ext: unknown): void {
    if (typeof ext !== 'object' || ext === null) return;
    for (const [handler, context] of this.#contexts) {
      if (!handler.processReturnData || !Object.hasOwn(ext, handler.wireType)) continue;
      this.#guarded(`processReturnData of ${handler.wireType}`, () => handler.processReturnData!((ext as Record<string, unknown>)[handler.wireType], context));
    }
  }

  receive(wireType: unknown, payload: unknown): void {
    for (const [handler, context] of this.#contexts) {
      if (handler.wireType === wireType) this.#guarded(`onMessage of ${handler.wireType}`, () => handler.onMessage?.(payload, context));
    }
  }

  #guarded(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#peer.reportError(error, what);
    }
  }
}
