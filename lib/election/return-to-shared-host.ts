import {whenOnline} from '../platform/browser.js';
import type {Channel, Clock, OpenChannel} from '../platform/platform.js';
import {parseGreetingMessage} from '../protocol/frames.js';
import {PROTOCOL_VERSION, greetingChannelName} from '../protocol/version.js';
import type {HostProvider} from './host-provider.js';

export interface ReturnOptions {
  namespace: string;
  /** The channels that all tabs hear. */
  channel: OpenChannel;
  clock: Clock;
  /** Whether a host that tabs share holds the host lock. */
  isHostThere(): Promise<boolean>;
  /** What may bring one about; the host announces itself. */
  source(): HostProvider | undefined;
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
export class ReturnToSharedHost {
  private greetingChannel: Channel | undefined;
  private provider: HostProvider | undefined;
  private stopListening = (): void => {};
  private cancel: (() => void) | undefined;
  private pause = FIRST_PAUSE_MS;
  private notBefore = 0;

  constructor(private readonly options: ReturnOptions) {}

  /** The tab connects directly. */
  begin(): void {
    this.end();
    const {channel, namespace} = this.options;
    this.greetingChannel = channel(greetingChannelName(namespace));
    this.greetingChannel.unref?.();
    this.greetingChannel.onmessage = ({data}: {data: unknown}) => {
      const message = parseGreetingMessage(data);
      // A host of another protocol would refuse this tab.
      if (message?.type === 'here' && message.protocol === PROTOCOL_VERSION) this.leaveSoon();
    };
    this.stopListening = whenOnline(() => this.look());
  }

  /** Finds a host that was there before, or starts one. */
  look(): void {
    if (!this.greetingChannel || this.cancel) return;
    void this.options.isHostThere().then(isThere => {
      if (!this.greetingChannel) return;
      if (isThere) this.leaveSoon();
      else this.tryHost();
    });
  }

  private tryHost(): void {
    this.provider?.close();
    this.provider = this.options.source();
    this.provider?.start();
  }

  /** The tab has a shared host again. */
  reset(): void {
    this.pause = FIRST_PAUSE_MS;
    this.notBefore = 0;
  }

  end(): void {
    this.greetingChannel?.close();
    this.provider?.close();
    this.greetingChannel = this.provider = undefined;
    this.stopListening();
    this.cancel?.();
    this.cancel = undefined;
  }

  private leaveSoon(): void {
    if (!this.greetingChannel || this.cancel) return;
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
