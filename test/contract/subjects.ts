import type Backend from 'sharedb';
import type {Connection as PublicConnection} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, createConnection} from '../../lib/index.js';
import {systemClock} from '../../lib/platform/browser.js';
import {memoryChannels} from '../../lib/platform/memory.js';

/** Scripts use the proxy's types on every kind of connection. */
export type Client = ProxyConnection;

/** A client of a server, and its network. */
export interface Subject {
  connection: Client;
  /** Cuts or restores the network. */
  away(): void;
  back(): void;
  close(): void;
}

/**
 * The tab's clock. Ops that wait are composed for 16 ms, and no time passes here, so how fast the computer is does not decide which ones are.
 * Timers run.
 */
const clock = {...systemClock, now: () => 1e12};

type Open = (backend: Backend, warn: (message: string, detail: unknown) => void) => Subject;

/** ShareDB's own connection, which defines the expected behaviour. */
export const direct: Open = backend => {
  const real = backend.connect();
  return {connection: asClient(real), ...network(backend, real), close: () => real.close()};
};

export const proxy: Open = (backend, warn) => {
  const real = backend.connect();
  const channel = memoryChannels();
  const host = new Host({connection: real, channel, warn});
  const connection = new ProxyConnection({channel, warn, clock});
  return {
    connection,
    ...network(backend, real),
    close() {
      connection.close();
      host.close();
    }
  };
};

export const fallback: Open = (backend, warn) => {
  let real: PublicConnection;
  const connection = createConnection({connect: () => (real = backend.connect())}, {warn, ...{clock}});
  return {
    connection,
    away: () => real.close(),
    back: () => backend.connect(real),
    close: () => connection.close()
  };
};

export function asClient(connection: PublicConnection): Client {
  return connection as unknown as Client;
}

function network(backend: Backend, real: PublicConnection): Pick<Subject, 'away' | 'back'> {
  return {away: () => real.close(), back: () => backend.connect(real)};
}
