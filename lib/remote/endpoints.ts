import {RemoteError} from './errors.js';
import type {Endpoint, FrameTransport, NodeEndpoint, WebEndpoint} from './types.js';

/** A transport over an endpoint, with the endpoint's own failures. */
export interface EndpointTransport extends FrameTransport {
  /** A worker has failed. Before the greeting, this means that it will never start. */
  onfault: ((reason: string) => void) | null;
}

/** The key of a connection: the port of a shared worker, or the endpoint itself. */
export function endpointKey(endpoint: Endpoint): object {
  if (isTransport(endpoint) || typeof (endpoint as WebEndpoint).postMessage === 'function') return endpoint;
  const {port} = endpoint as {readonly port?: WebEndpoint};
  if (port && typeof port.postMessage === 'function') return port;
  throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint needs postMessage, e.g. a Worker, a SharedWorker, a MessagePort or a windowEndpoint()');
}

const isTransport = (endpoint: Endpoint): endpoint is FrameTransport => typeof (endpoint as FrameTransport).post === 'function';

export function transportOf(endpoint: Endpoint): FrameTransport & Partial<EndpointTransport> {
  if (isTransport(endpoint)) return endpoint;
  const target = endpointKey(endpoint) as WebEndpoint | NodeEndpoint;
  if ('on' in target && typeof target.on === 'function') return nodeTransport(target);
  if (typeof (target as WebEndpoint).addEventListener !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint needs addEventListener in addition to postMessage');
  // A shared worker that can't be loaded reports that itself: its port reports nothing. The listener also holds the worker's object.
  return webTransport(target as WebEndpoint, typeof (endpoint as WebEndpoint).addEventListener === 'function' ? endpoint as WebEndpoint : target as WebEndpoint);
}

function webTransport(target: WebEndpoint, worker: WebEndpoint): EndpointTransport {
  const listeners: [{addEventListener: WebEndpoint['addEventListener']; removeEventListener: WebEndpoint['removeEventListener']}, string, (event: never) => void][] = [
    [target, 'message', (event: {data: unknown}) => transport.onframe?.(event.data)],
    [target, 'close', () => transport.onclose?.('the port was closed')],
    // An event of a shared worker that has a message is an uncaught error in it. It runs on, perhaps for other pages.
    [worker, 'error', (event: {message?: unknown}) => (worker === target || event.message === undefined) && transport.onfault?.(`the worker failed: ${String(event.message ?? 'it could not be loaded')}`)]
  ];
  // A page reports that it goes away: no event tells a shared worker or a frame that its port is dead (as of 2026).
  if (isPage()) listeners.push([globalThis, 'pagehide', (event: {persisted: boolean}) => event.persisted || transport.onclose?.('the page was left')]);
  const transport: EndpointTransport = {
    onframe: null, onclose: null, onfault: null,
    post: (frame, transfer) => target.postMessage(frame, transfer),
    close() {
      for (const [on, type, listener] of listeners) on.removeEventListener(type, listener as never);
    }
  };
  for (const [on, type, listener] of listeners) on.addEventListener(type, listener as never);
  target.start?.();
  return transport;
}

function nodeTransport(target: NodeEndpoint): EndpointTransport {
  const listeners: [string, (value: never) => void][] = [
    ['message', (data: unknown) => transport.onframe?.(data)],
    ['close', () => transport.onclose?.('the port was closed')],
    ['exit', (code: unknown) => transport.onclose?.(`the worker ended with code ${String(code)}`)],
    ['error', (error: unknown) => transport.onfault?.(`the worker failed: ${String(error)}`)]
  ];
  const transport: EndpointTransport = {
    onframe: null, onclose: null, onfault: null,
    post: (frame, transfer) => target.postMessage(frame, transfer),
    close() {
      for (const [type, listener] of listeners) target.off(type, listener as never);
    }
  };
  for (const [type, listener] of listeners) target.on(type, listener as never);
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
