import {isDenied} from '../platform/browser.js';
import {parseGreetingMessage, type TakeoverRequest} from '../protocol/frames.js';
import {PROTOCOL_VERSION, hostLockName, greetingChannelName} from '../protocol/version.js';
import type {Channel, Locks, OpenChannel} from '../platform/platform.js';

export interface HostLockOptions {
  namespace: string;
  /** What the app calls its build; a host of an older one makes room. */
  build: string;
  /** Do not wait: the current host does not answer any more. */
  steal: boolean;
  /** Without locks there is no election: every host that starts serves. */
  locks: Locks | undefined;
  channel: OpenChannel;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** There is another one, and this one waits. */
  onWaiting?: (() => void) | undefined;
}

/**
 * The lock of a namespace admits one host.
 * @param serve called when this one is admitted; the lock is held until what it returns resolves
 * @param onLost called when another one has taken the lock in the meantime
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
    // Denied locks are no locks.
    else if (isDenied(error) && !signal.aborted) void enter();
  };
  // A lock can be stolen, asked for if it is free, or waited for until a signal: not two of these (Web Locks, NotSupportedError).
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

/** Tells the current host, and each later one, that another one waits. */
class TakeoverAnnouncement {
  private readonly greetings: Channel;

  constructor({channel, namespace, build}: HostLockOptions) {
    const request: TakeoverRequest = {type: 'candidate', protocol: PROTOCOL_VERSION, build};
    const greetings = (this.greetings = channel(greetingChannelName(namespace)));
    greetings.unref?.();
    greetings.onmessage = ({data}) => { if (parseGreetingMessage(data)?.type === 'here') greetings.postMessage(request); };
    greetings.postMessage(request);
  }

  end(): void {
    this.greetings.close();
  }
}
