import {isDenied} from '../platform/browser.js';
import {parseHostHere, type TakeoverRequest} from '../protocol/frames.js';
import {PROTOCOL_VERSION, hostLockName, greetingChannelName} from '../protocol/version.js';
import type {Channel, Locks, OpenChannel} from '../platform/platform.js';

export interface HostLockOptions {
  namespace: string;
  /** The app's name for its build. A host of an older build closes for this one. */
  build: string;
  /** Whether to take the lock from the current host, because that host no longer answers. */
  steal: boolean;
  /** If undefined, every host that starts serves tabs. */
  locks: Locks | undefined;
  channel: OpenChannel;
  /** Cancels the request for the lock. */
  signal: AbortSignal;
  /** Called when another host holds the lock, before this one waits for it. */
  onWaiting?: (() => void) | undefined;
}

/**
 * Acquires the host lock, which only one host of a namespace can hold.
 * @param serve called when the lock is acquired. The lock is held until the returned promise settles.
 * @param onLost called if another host steals the lock afterwards
 */
export function acquireHostLock(options: HostLockOptions, serve: () => Promise<void>, onLost: () => void): void {
  const {namespace, steal, locks, signal} = options;
  if (!locks) return void serve();
  const name = hostLockName(namespace);
  let isServing = false;
  const enter = (): Promise<void> => {
    isServing = true;
    return serve();
  };
  const lose = (error: unknown): void => {
    if (isServing) onLost();
    // If the browser denies locks, the host serves without one, as if there were no locks.
    else if (isDenied(error) && !signal.aborted) void enter();
  };
  // The Web Locks API allows only one of `steal`, `ifAvailable` and `signal` in a request (NotSupportedError).
  if (steal) return void locks.request(name, {steal}, enter).catch(lose);
  const wait = async (): Promise<void> => {
    if (signal.aborted) return;
    options.onWaiting?.();
    const announcement = new TakeoverAnnouncement(options);
    const end = (): void => announcement.end();
    const enterLater = (): Promise<void> => {
      end();
      return enter();
    };
    await locks.request(name, {mode: 'exclusive', signal}, enterLater).finally(end);
  };
  locks.request(name, {ifAvailable: true}, lock => (lock ? enter() : undefined)).then(() => (isServing ? undefined : wait())).catch(lose);
}

/** Sends a takeover request to the current host, and to each host that announces itself while this one waits. */
class TakeoverAnnouncement {
  private readonly greetings: Channel;

  constructor({channel, namespace, build}: HostLockOptions) {
    const request: TakeoverRequest = {type: 'candidate', protocol: PROTOCOL_VERSION, build};
    const greetings = (this.greetings = channel(greetingChannelName(namespace)));
    greetings.unref?.();
    greetings.onmessage = ({data}) => { if (parseHostHere(data)) greetings.postMessage(request); };
    greetings.postMessage(request);
  }

  end(): void {
    this.greetings.close();
  }
}
