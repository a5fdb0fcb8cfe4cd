import {whenOnline} from '../platform/browser.js';
import type {Channel, Clock, OpenChannel} from '../platform/platform.js';
import {parseLobbyMessage} from '../protocol/frames.js';
import {PROTOCOL_VERSION, lobbyName} from '../protocol/version.js';
import type {HostSource} from './host-provider.js';

export interface WayBackOptions {
  namespace: string;
  /** The channels that all tabs hear. */
  channel: OpenChannel;
  clock: Clock;
  /** Whether a host that tabs share is in office. */
  isHostThere(): Promise<boolean>;
  /** What may bring one about; the host announces itself. */
  source(): HostSource | undefined;
  /** Whether nothing would be lost now. */
  canLeave(): boolean;
  /** Leaves the direct connection. */
  leave(): void;
}

/** How often a tab looks whether it can leave, in ms, once there is a host. */
const LOOK_MS = 5000;
/** A tab that had to connect directly again leaves after so long at the earliest, in ms, and each time after twice as long. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

/**
 * For a tab that connects directly because all else has failed: it goes back to sharing when a host announces itself, or is found
 * when the network is back or the page becomes visible, as soon as nothing is left that only its own host has.
 */
export class WayBack {
  private lobby: Channel | undefined;
  private source: HostSource | undefined;
  private stopListening = (): void => {};
  private cancel: (() => void) | undefined;
  private pause = FIRST_PAUSE_MS;
  private notBefore = 0;

  constructor(private readonly options: WayBackOptions) {}

  /** The tab connects directly. */
  begin(): void {
    this.end();
    const {channel, namespace} = this.options;
    this.lobby = channel(lobbyName(namespace));
    this.lobby.unref?.();
    this.lobby.onmessage = ({data}: {data: unknown}) => {
      const message = parseLobbyMessage(data);
      // A host of another protocol would refuse this tab.
      if (message?.type === 'here' && message.protocol === PROTOCOL_VERSION) this.leaveSoon();
    };
    this.stopListening = whenOnline(() => this.look());
  }

  /** Finds a host that was there before, or starts one. */
  look(): void {
    if (!this.lobby || this.cancel) return;
    void this.options.isHostThere().then(isThere => {
      if (!this.lobby) return;
      if (isThere) this.leaveSoon();
      else this.tryHost();
    });
  }

  private tryHost(): void {
    this.source?.close();
    this.source = this.options.source();
    this.source?.start();
  }

  /** The tab has a shared host again. */
  reset(): void {
    this.pause = FIRST_PAUSE_MS;
    this.notBefore = 0;
  }

  end(): void {
    this.lobby?.close();
    this.source?.close();
    this.lobby = this.source = undefined;
    this.stopListening();
    this.cancel?.();
    this.cancel = undefined;
  }

  private leaveSoon(): void {
    if (!this.lobby || this.cancel) return;
    const {clock, canLeave, leave} = this.options;
    const now = clock.now();
    const wait = Math.max(this.notBefore - now, canLeave() ? 0 : LOOK_MS);
    if (wait > 0) {
      this.cancel = clock.after(wait, () => {
        this.cancel = undefined;
        this.leaveSoon();
      });
      return;
    }
    this.end();
    this.notBefore = now + this.pause;
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
    leave();
  }
}
