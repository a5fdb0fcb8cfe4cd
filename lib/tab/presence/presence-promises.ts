import {promisify} from '../promisify.js';
import type {Callback, UpstreamLocalPresence, UpstreamPresence} from '../upstream.js';

/** Makes the methods of a presence return promises, and ends calls that upstream would leave without an answer. */
export function givePresencePromises(presence: UpstreamPresence): void {
  const create = presence._createLocalPresence;
  presence._createLocalPresence = id => {
    const local = create.call(presence, id);
    const {destroy} = local;
    local.destroy = callback => {
      destroy.call(local, callback);
      if (Object.keys(local._callbacksByPresenceVersion).length) leaving.set(id, local);
    };
    promisify(local as never, ['submit', 'destroy']);
    return local;
  };
  // Upstream removes a presence at the first answer, and would treat further answers as updates of a remote presence.
  const leaving = new Map<string, UpstreamLocalPresence>();
  const receive = presence._receiveUpdate;
  presence._receiveUpdate = (error, message) => {
    const {localPresences} = presence;
    const own = localPresences[message.id] as UpstreamLocalPresence | undefined;
    if (!error && own?.value === null && !(message.pv in own._callbacksByPresenceVersion)) {
      // This tab has withdrawn its value. Upstream would take the value of another tab with the same id for an answer.
      delete localPresences[message.id];
      receive.call(presence, error, message);
      localPresences[message.id] = own;
      return;
    }
    const local = leaving.get(message.id);
    const waiting = local?._callbacksByPresenceVersion;
    if (!waiting || !(message.pv in waiting)) return receive.call(presence, error, message);
    local!._ack(error, message.pv);
    if (!Object.keys(waiting).length) leaving.delete(message.id);
  };
  const {_callEachOrEmit: callEachOrEmit} = presence;
  // Upstream repeats subscriptions itself. If the connection is closed meanwhile, the callbacks get that error, but no event is emitted.
  presence._callEachOrEmit = (callbacks, error) => callEachOrEmit.call(presence, callbacks, isEnded(error) && !callbacks.some(Boolean) ? null : error);
  const {destroy} = presence;
  let destroying: (Callback | undefined)[] | undefined;
  // Upstream would not answer the second of two concurrent calls of `destroy`, because the first removes the presence.
  presence.destroy = callback => {
    if (destroying && presence._wantsDestroy) return void destroying.push(callback);
    const all = destroying = [callback];
    return destroy.call(presence, error => {
      if (destroying === all) destroying = undefined;
      for (const one of all.splice(0)) one?.(error);
    });
  };
  promisify(presence as never, ['subscribe', 'unsubscribe', 'destroy']);
}

const isEnded = (error: unknown): boolean => (error as {code?: unknown} | null | undefined)?.code === 'ERR_TABS_CLOSED';
