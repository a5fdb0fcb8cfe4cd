import {whenOnline} from '../platform/browser.js';
import type {Channel, Clock, OpenChannel} from '../platform/platform.js';
import {parseHostHere} from '../protocol/frames.js';
import {PROTOCOL_VERSION, greetingChannelName} from '../protocol/version.js';
import type {HostProvider} from './host-provider.js';

export interface ReturnOptions {
  namespace: string;
  /** Opens the channels that reach all tabs. */
  channel: OpenChannel;
  clock: Clock;
  /** Whether a shared host holds the host lock. */
  isHostThere(): Promise<boolean>;
  /** Returns a provider that may start a shared host. That host then announces itself. */
  source(): HostProvider | undefined;
  /** Whether the tab can leave its own host without losing anything. */
  canLeave(): boolean;
  /** Leaves the direct connection. */
  leave(): void;
}

/** The interval at which a tab checks whether it can leave its own host, in ms, once a shared host exists. */
const CHECK_MS = 5000;
/** After a tab has left, the shortest time before it leaves its own host again, in ms. The time doubles with each return. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

/**
 * Returns a tab from a direct connection to a shared host. The tab connects directly because all other modes have failed. It leaves
 * when a shared host announces itself, or is found on `online` or when the page becomes visible, and when nothing that only its own
 * host has is unsaved.
 */
export class ReturnToSharedHost {
  private greetingChannel: Channel | undefined;
  private provider: HostProvider | undefined;
  private stopListening = (): void => {};
  private cancel: (() => void) | undefined;
  private pause = FIRST_PAUSE_MS;
  private notBefore = 0;

  constructor(private readonly options: ReturnOptions) {}

  /** Starts to listen for shared hosts. Call it when the tab connects directly. */
  begin(): void {
    this.end();
    const {channel, namespace} = this.options;
    this.greetingChannel = channel(greetingChannelName(namespace));
    this.greetingChannel.unref?.();
    this.greetingChannel.onmessage = ({data}: {data: unknown}) => {
      const message = parseHostHere(data);
      // A host of another protocol would refuse this tab.
      if (message?.protocol === PROTOCOL_VERSION) this.leaveSoon();
    };
    this.stopListening = whenOnline(() => this.look());
  }

  /** Checks whether a shared host exists, and tries to start one if not. */
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

  /** The tab is connected to a shared host again. */
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
    const wait = Math.max(this.notBefore - now, canLeave() ? 0 : CHECK_MS);
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
