import type {UpstreamPresence} from './upstream.js';

/** The open callbacks of upstream's presences. */
interface PresenceRequests {
  _subscriptionCallbacksBySeq: Record<number, unknown>;
  localPresences: Record<string, {_callbacksByPresenceVersion: Record<number, unknown>}>;
}

/** Whether a callback of a presence is open. Upstream's `hasPending` covers only documents, queries and snapshots. */
export function isPresencePending(presence: UpstreamPresence): boolean {
  const {_subscriptionCallbacksBySeq, localPresences} = presence as unknown as PresenceRequests;
  const locals = Object.values(localPresences).map(local => local._callbacksByPresenceVersion);
  return [_subscriptionCallbacksBySeq, ...locals].some(callbacks => Object.values(callbacks).some(Boolean));
}
