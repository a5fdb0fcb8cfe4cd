import type {Session, Message} from '../broker/session.js';
import type {TabId} from '../protocol/ids.js';

/** A tab as its host knows it, over all its sessions. */
export class Tab {
  session: Session | undefined;

  constructor(readonly id: TabId) {}

  send(message: Message | string): void {
    this.session?.send(message);
  }

  /** Runs what is left to do for a request, unless the session that made it has ended meanwhile. */
  inThisSession<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
    const {session} = this;
    return (...args) => {
      if (session && this.session === session) callback(...args);
    };
  }
}
