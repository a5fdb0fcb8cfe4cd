import type {HostSession} from '../broker/host-session.js';
import type {SessionHandlers} from '../broker/session-server.js';
import {TabsError} from '../protocol/errors.js';

/**
 * Closes the connection of a tab whose user has signed out, for example a page that was frozen. The host takes nothing from such a tab. Its
 * first messages may have arrived together with its greeting.
 */
export function dismissFormerTab(session: HostSession): SessionHandlers {
  session.send({a: 'host.cleared'}, 'own');
  return {
    onMessage() {},
    onCall: () => { throw new TabsError('ERR_TABS_CLOSED', 'The user of this tab has signed out'); },
    onMalformed() {},
    onEnd() {}
  };
}
