import {createRequire} from 'node:module';
import {Host} from '../../lib/host.js';
import type {ProxyConnection} from '../../lib/index.js';
import type {Channel, OpenChannel} from '../../lib/platform/platform.js';
import {PortedConnection} from '../node/ported-connection.js';

/** The sharedb under test, as its own tests load it. */
export const requireSharedb = createRequire(createRequire(import.meta.url).resolve('sharedb/package.json'));

interface RealConnection {
  agent: unknown;
  socket: {close(reason?: string): void};
  close(): void;
}

interface Backend {
  connect(connection?: unknown, request?: unknown, callback?: (connection: unknown) => void): unknown;
}

/**
 * Makes `backend.connect()` return a ProxyConnection on a host of its own. Server-side objects that a test uses belong to the
 * host's real connection: its agent and its socket; `close` is a loss of the network.
 * @param hasPorts whether the host is greeted on a port
 * @returns a function that restores `connect`
 */
export function bridgeBackend(channels: () => OpenChannel, hasPorts: boolean): () => void {
  const prototype = (requireSharedb('./lib/backend') as {prototype: Backend}).prototype;
  const connect = prototype.connect;
  const reals = new WeakMap<object, RealConnection>();
  const open: {host: Host; proxy: ProxyConnection}[] = [];

  prototype.connect = function(connection, request, callback) {
    const known = connection ? reals.get(connection as object) : undefined;
    if (connection && !known) return connect.call(this, connection, request, callback);
    const real = connect.call(this, known, request) as RealConnection;
    if (known) {
      if (callback) (connection as ProxyConnection).once('connected', () => callback(connection));
      return connection;
    }
    const channel = channels();
    const namespace = `conformance-${Math.random()}`;
    const warn = (): void => {};
    const host = new Host({connection: real, channel, namespace, warn});
    const proxy = new PortedConnection({channel, namespace, warn}, hello => {
      if (!hasPorts) return undefined;
      const {port1, port2} = new MessageChannel();
      // A greeting takes time.
      queueMicrotask(() => host.admit(hello, port2 as Channel));
      return port1 as Channel;
    });
    reals.set(proxy, real);
    open.push({host, proxy});
    Object.defineProperties(proxy, {
      agent: {get: () => real.agent, set: () => {}},
      socket: {get: () => real.socket},
      // A closed network is reported at once, as when a real connection is closed.
      close: {value: () => {
        real.close();
        proxy.onMessage({a: 'connection.state', state: 'closed'});
      }}
    });
    if (callback) proxy.once('connected', () => callback(proxy));
    return proxy;
  };
  return () => {
    prototype.connect = connect;
    for (const {host, proxy} of open) {
      // Calls that ShareDB's tests leave open get no answer, as with a closed connection of ShareDB.
      (proxy as unknown as {detach(): void}).detach();
      host.close();
    }
  };
}
