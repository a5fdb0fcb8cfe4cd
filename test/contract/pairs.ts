import type Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {asClient, type Client} from './subjects.js';

/** Two clients of one server: one that acts, and one that watches. */
export interface Pair {
  actor: Client;
  watcher: Client;
  /** Cuts or restores the network of both. */
  away(): void;
  back(): void;
  close(): void;
}

export type OpenPair = (backend: Backend, warn: (message: string, detail: unknown) => void) => Pair;

/** Each client has a connection of its own. Every watcher must see what this watcher sees. */
export const twoConnections: OpenPair = backend => {
  const reals = [backend.connect(), backend.connect()] as const;
  const [actor, watcher] = reals.map(asClient) as [Client, Client];
  return {
    actor, watcher,
    away: () => reals.forEach(real => real.close()),
    back: () => reals.forEach(real => backend.connect(real)),
    close: () => reals.forEach(real => real.close())
  };
};

/** Two tabs on one host. */
export const twoTabs: OpenPair = (backend, warn) => {
  const real = backend.connect();
  const channel = memoryChannels();
  const host = new Host({connection: real, channel, warn});
  const actor = new ProxyConnection({channel, warn});
  const watcher = new ProxyConnection({channel, warn});
  return {
    actor, watcher,
    away: () => real.close(),
    back: () => backend.connect(real),
    close() {
      actor.close();
      watcher.close();
      host.close();
    }
  };
};
