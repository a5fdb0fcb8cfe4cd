import type {Clock} from '../../platform/platform.js';
import {PRESENCE_EXPIRY_MS} from '../../protocol/messages.js';

/** The parts of upstream's `Presence` that list the clients and remove one. */
export interface PresenceSet {
  channel: string;
  _remotePresenceInstances: Record<string, {presenceVersion: number | null; src?: string}>;
  _receiveUpdate(error: null, message: object): void;
}

/**
 * Removes the presences of clients that left while the tab had no session, because the new host does not report them. Clients that are
 * still connected send their presence again. The presences that have not arrived again are removed after PRESENCE_EXPIRY_MS.
 */
export class PresenceExpiry {
  private readonly confirmed = new Set<string>();
  private cancel: (() => void) | undefined;

  constructor(private readonly clock: () => Clock, private readonly presences: () => Iterable<PresenceSet>) {}

  begin(): void {
    this.end();
    const missing = new Map([...this.presences()].map(set => [set, Object.keys(set._remotePresenceInstances)]));
    if (![...missing.values()].some(ids => ids.length)) return;
    this.cancel = this.clock().after(PRESENCE_EXPIRY_MS, () => {
      this.cancel = undefined;
      for (const [set, ids] of missing) for (const id of ids) if (!this.confirmed.has(nameOf(set.channel, id))) forget(set, id);
    });
  }

  /** A client's presence has arrived. */
  noteSeen(channel: string, id: string): void {
    if (this.cancel) this.confirmed.add(nameOf(channel, id));
  }

  end(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.confirmed.clear();
  }
}

const nameOf = (channel: string, id: string): string => JSON.stringify([channel, id]);

function forget(set: PresenceSet, id: string): void {
  const instance = set._remotePresenceInstances[id];
  if (!instance) return;
  const {presenceVersion, src} = instance;
  set._receiveUpdate(null, {ch: set.channel, id, src, p: null, pv: (presenceVersion ?? 0) + 1});
}
