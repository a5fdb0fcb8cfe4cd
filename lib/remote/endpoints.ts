import {RemoteError} from './errors.js';
import type {Endpoint, FrameTransport, NodeEndpoint, WebEndpoint} from './types.js';

/** Something went wrong with the endpoint itself. */
export interface EndpointTransport extends FrameTransport {
  /** A worker failed; before the greeting that means that it will never come. */
  onfault: ((reason: string) => void) | null;
}

/** What a connection is kept under: the port of a shared worker, else the endpoint itself. */
export function endpointKey(endpoint: Endpoint): object {
  if (isTransport(endpoint) || typeof (endpoint as WebEndpoint).postMessage === 'function') return endpoint;
  const {port} = endpoint as {readonly port?: WebEndpoint};
  if (port && typeof port.postMessage === 'function') return port;
  throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint is something with postMessage: a Worker, a SharedWorker, a MessagePort, a windowEndpoint()');
}

const isTransport = (endpoint: Endpoint): endpoint is FrameTransport => typeof (endpoint as FrameTransport).post === 'function';

export function transportOf(endpoint: Endpoint): FrameTransport & Partial<EndpointTransport> {
  if (isTransport(endpoint)) return endpoint;
  const target = endpointKey(endpoint) as WebEndpoint | NodeEndpoint;
  if ('on' in target && typeof target.on === 'function') return nodeTransport(target);
  if (typeof (target as WebEndpoint).addEventListener !== 'function') throw new RemoteError('ERR_REMOTE_BAD_OPTION', 'An endpoint needs addEventListener beside postMessage');
  return webTransport(target as WebEndpoint);
}

function webTransport(target: WebEndpoint): EndpointTransport {
  const listeners: [{addEventListener: WebEndpoint['addEventListener']; removeEventListener: WebEndpoint['removeEventListener']}, string, (event: never) => void][] = [
    [target, 'message', (event: {data: unknown}) => transport.onframe?.(event.data)],
    [target, 'close', () => transport.onclose?.('the port was closed')],
    [target, 'error', (event: {message?: unknown}) => transport.onfault?.(`the worker failed: ${String(event.message ?? 'it could not be loaded')}`)]
  ];
  // A page that goes away says so: nothing tells a shared worker, nor a frame, that a port is dead (as of 2026).
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
    ['exit', (code: unknown) => transport.onclose?.(`the worker has ended with code ${String(code)}`)],
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
 * For another window or frame: only messages of this window and this origin are heard, and only that origin is posted to.
 * @param options.origin e.g. `https://example.com`; there is no default
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
