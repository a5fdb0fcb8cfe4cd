import {RemoteError} from './errors.js';
import type {Locks} from '../platform/platform.js';
import {webLocks} from '../platform/threads.js';
import type {Endpoint, FrameTransport, NodeEndpoint, WebEndpoint} from './types.js';

/** A transport over an endpoint, with the endpoint's own failures. */
export interface EndpointTransport extends FrameTransport {
  /** A worker has failed. Before the greeting, this means that it will never start. */
  onfault: ((reason: string) => void) | null;
  /** The page enters the back/forward cache, or has left it. */
  onaway?: ((isAway: boolean) => void) | null;
  /** Locks that show when the other side has died. Undefined in Node, whose ports report this. */
  readonly locks?: Locks | undefined;
  /** Whether another page may be loaded at the other side. */
  readonly mayReload?: boolean;
}

/**
 * The key of a connection: the port of a shared worker, or the endpoint itself.
 * @throws ERR_REMOTE_BAD_OPTION if it is not an endpoint
 */
export function endpointKey(endpoint: Endpoint): object {
  if (isTransport(endpoint) || typeof (endpoint as WebEndpoint).postMessage === 'function') return endpoint;
  const {port} = endpoint as {readonly port?: WebEndpoint};
  if (port && typeof port.postMessage === 'function') return port;
  throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint needs postMessage, e.g. a Worker, a SharedWorker, a MessagePort or a windowEndpoint()');
}

const isTransport = (endpoint: Endpoint): endpoint is FrameTransport => typeof (endpoint as FrameTransport).post === 'function';

type Listener = [on: {[method: string]: (type: string, listener: (event: any) => void) => unknown}, type: string, listener: (event: any) => void];

export function transportOf(endpoint: Endpoint): FrameTransport & Partial<EndpointTransport> {
  if (isTransport(endpoint)) return endpoint;
  const target = endpointKey(endpoint) as WebEndpoint & NodeEndpoint & Listener[0];
  const isNode = typeof target.on === 'function';
  if (!isNode && typeof target.addEventListener !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint needs addEventListener in addition to postMessage');
  const failed = (why: unknown): void => transport.onfault?.(`the worker failed: ${String(why)}`);
  const listeners: Listener[] = [
    [target, 'message', message => transport.onframe?.(isNode ? message : message.data)],
    [target, 'close', () => transport.onclose?.('the port was closed')]
  ];
  if (isNode) {
    listeners.push(
      [target, 'exit', code => transport.onclose?.(`the worker ended with code ${String(code)}`)],
      [target, 'error', failed]
    );
  } else {
    // A shared worker that can't be loaded reports that itself: its port reports nothing. The listener also holds the worker's object.
    const worker = typeof (endpoint as WebEndpoint).addEventListener === 'function' ? endpoint as unknown as Listener[0] : target;
    // An event of a shared worker that has a message is an uncaught error in it. It runs on, perhaps for other pages.
    listeners.push([worker, 'error', ({message}) => (worker === target || message === undefined) && failed(message ?? 'it could not be loaded')]);
    // A page reports that it goes away: a shared worker or a frame gets no event when its port is dead (as of 2026).
    if (isPage()) {
      const page = globalThis as unknown as Listener[0];
      listeners.push(
        [page, 'pagehide', ({persisted}) => persisted ? transport.onaway?.(true) : transport.onclose?.('the page was left')],
        [page, 'pageshow', ({persisted}) => persisted && transport.onaway?.(false)]
      );
    }
  }
  const transport: EndpointTransport = {
    onframe: null, onclose: null, onfault: null,
    locks: isNode ? undefined : webLocks(),
    mayReload: !(target instanceof EventTarget),
    post: (frame, transfer) => target.postMessage(frame, transfer),
    close() {
      for (const [on, type, listener] of listeners) on[isNode ? 'off' : 'removeEventListener']!(type, listener);
    }
  };
  for (const [on, type, listener] of listeners) on[isNode ? 'on' : 'addEventListener']!(type, listener);
  target.start?.();
  return transport;
}

const isPage = (): boolean => 'document' in globalThis && typeof globalThis.addEventListener === 'function';

/**
 * An endpoint for another window or frame. It only receives messages from this window and origin, and only posts to this origin.
 * @param options.origin for example `https://example.com`; there is no default
 * @throws ERR_REMOTE_BAD_OPTION if the origin is missing or '*'
 */
export function windowEndpoint(target: Window, options: {origin: string}): Endpoint {
  const {origin} = options ?? {};
  if (typeof origin !== 'string' || !origin || origin === '*') {
    throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'windowEndpoint() needs the origin of the other window: without one, any page could use what is exposed');
  }
  const wrapped = new Map<(event: never) => void, (event: MessageEvent) => void>();
  return {
    postMessage: (message: unknown, transfer: Transferable[] = []) => target.postMessage(message, {targetOrigin: origin, transfer}),
    addEventListener(type: string, listener: (event: never) => void) {
      if (type !== 'message') return;
      const filtered = (event: MessageEvent): void => {
        if (event.source === target && event.origin === origin) listener(event as never);
      };
      wrapped.set(listener, filtered);
      globalThis.addEventListener('message', filtered);
    },
    removeEventListener(_type: string, listener: (event: never) => void) {
      const filtered = wrapped.get(listener);
      if (filtered) globalThis.removeEventListener('message', filtered);
      wrapped.delete(listener);
    }
  };
}
