import type {Clock} from '../platform/platform.js';
import type {ProxyPresence as Presence} from '../tab/presence/presence.js';
import {Observer} from './observer.js';

/** The presence of others in a channel at one moment. */
export interface PresenceState<Value> {
  /** The values that others show, by presence id. */
  readonly presences: Readonly<Record<string, Value>>;
  /** The error of the subscription, or the channel's last `error` event; undefined if there was none. */
  readonly error: Error | undefined;
}

/** One presence channel, for all components that show it. */
export class PresenceObserver<Value> extends Observer<PresenceState<Value>> {
  private state: PresenceState<Value> = NOBODY;
  private isOurs = false;

  constructor(readonly presence: Presence, clock: Clock, graceMs: number, onClosed: () => void) {
    super(clock, graceMs, onClosed);
  }

  getSnapshot(): PresenceState<Value> {
    return this.state;
  }

  getServerSnapshot(): PresenceState<Value> {
    return NOBODY;
  }

  protected override open(): void {
    this.isOurs = !this.presence.wantSubscribe;
    this.presence.on('receive', this.onReceive);
    this.presence.on('error', this.onError);
    this.presence.subscribe(error => {
      if (error) this.onError(error);
    });
    this.onReceive();
  }

  protected override close(): void {
    this.presence.off('receive', this.onReceive);
    this.presence.off('error', this.onError);
    if (this.isOurs) this.presence.unsubscribe(() => {});
  }

  private readonly onReceive = (): void => {
    this.state = {...this.state, presences: {...(this.presence.remotePresences as Record<string, Value>)}};
    this.notify();
  };

  private readonly onError = (error: unknown): void => {
    this.state = {...this.state, error: error as Error};
    this.notify();
  };
}

const NOBODY: PresenceState<never> = {presences: {}, error: undefined};
