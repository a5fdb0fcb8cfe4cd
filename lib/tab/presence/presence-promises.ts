import {promisify} from '../promisify.js';
import type {Callback, UpstreamLocalPresence, UpstreamPresence} from '../upstream.js';

/** Makes the methods of a presence return promises, and ends calls whose answers do not come. */
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
  // Upstream removes a presence with the first answer, and takes the other answers for updates of a remote presence.
  const leaving = new Map<string, UpstreamLocalPresence>();
  const receive = presence._receiveUpdate;
  presence._receiveUpdate = (error, message) => {
    const local = leaving.get(message.id);
    const waiting = local?._callbacksByPresenceVersion;
    if (!waiting || !(message.pv in waiting)) return receive.call(presence, error, message);
    local!._ack(error, message.pv);
    if (!Object.keys(waiting).length) leaving.delete(message.id);
  };
  const {_callEachOrEmit: callEachOrEmit} = presence;
  // Upstream subscribes again by itself. If the connection is closed meanwhile, only callbacks get that error, and no event is emitted.
  presence._callEachOrEmit = (callbacks, error) => callEachOrEmit.call(presence, callbacks, isEnded(error) && !callbacks.some(Boolean) ? null : error);
  const {destroy} = presence;
  let destroying: (Callback | undefined)[] | undefined;
  // Two calls of `destroy` at once would wait for each other's answers, which do not come after the first has removed the presence.
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
