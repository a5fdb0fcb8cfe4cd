import type {UpstreamPresence} from './upstream.js';

/** What upstream's presences keep for as long as a callback is open. */
interface PresenceRequests {
  _subscriptionCallbacksBySeq: Record<number, unknown>;
  localPresences: Record<string, {_callbacksByPresenceVersion: Record<number, unknown>}>;
}

/** Whether a callback of a presence is open. Upstream's `hasPending` knows documents, queries and snapshots alone. */
export function isPresencePending(presence: UpstreamPresence): boolean {
  const {_subscriptionCallbacksBySeq, localPresences} = presence as unknown as PresenceRequests;
  const locals = Object.values(localPresences).map(local => local._callbacksByPresenceVersion);
  return [_subscriptionCallbacksBySeq, ...locals].some(callbacks => Object.values(callbacks).some(Boolean));
}
