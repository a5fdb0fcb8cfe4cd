import {Host, type HostOptions} from '../host/host.js';
import {AT_ONCE} from './host-provider.js';
import {acquireHostLock} from './host-lock.js';

/** A host that nobody needs any more closes after so long, in ms: a reload is back before. */
const IDLE_MS = 10_000;
/** How long a host that is to stop may take to send what is pending, in ms. */
const FINISH_MS = 1500;

export interface RunHostOptions extends Omit<HostOptions, 'connection' | 'onOpen'> {
  namespace: string;
  build: string;
  /** Take the place of a host that does not answer. */
  steal: boolean;
  /** Called when it is this host's turn. `getToken` asks the tabs. */
  connect(getToken: () => Promise<string>): unknown;
  /** Stops the host, or the waiting for its turn. */
  signal: AbortSignal;
}

export interface RunHostEvents {
  /** Another host holds the host lock. */
  onWaiting?(): void;
  /** The host holds the host lock, and lets tabs in. */
  onOpen?(host: Host): void;
  /** Called once, when it is over. */
  onStopped?(): void;
}

/** Hosts a namespace when it is our turn, until the signal, or until another host takes over. */
export function runHost(options: RunHostOptions, events: RunHostEvents = {}): void {
  const {namespace, build, steal, locks, connect, signal} = options;
  let running: Host | undefined;
  const stop = (): void => running?.close();
  // The last tab lets it finish; others go on with the next host, which has all that this one had.
  const retire = (): void => {
    if (signal.reason === AT_ONCE) running?.abandon();
    else void running?.retire(FINISH_MS);
  };
  const finish = (): void => {
    signal.removeEventListener('abort', finish);
    events.onStopped?.();
  };
  // While it waits, there is nothing to stop but the waiting.
  signal.addEventListener('abort', finish);
  const channel = options.channel ?? (name => new BroadcastChannel(name));
  acquireHostLock({namespace, build, steal, locks, signal, channel, onWaiting: events.onWaiting}, async () => {
    signal.removeEventListener('abort', finish);
    if (signal.aborted) return;
    const {onOpen} = events;
    let host: Host;
    try {
      host = running = new Host({idleAfter: IDLE_MS, ...options, onOpen, connection: connect(() => host.token())});
    } catch (error) {
      // The app's `connect` has failed, and may not do so the next time.
      events.onStopped?.();
      throw error;
    }
    signal.addEventListener('abort', retire);
    const stopReporting = reportUncaught(error => host.reportUncaught(error));
    await host.whenClosed;
    stopReporting();
    signal.removeEventListener('abort', retire);
    events.onStopped?.();
  }, stop);
}

/** Errors that nobody catches: those of a worker nobody would see. */
function reportUncaught(report: (error: unknown) => void): () => void {
  if (typeof document !== 'undefined' || typeof globalThis.addEventListener !== 'function') return () => {};
  const onError = (event: Event): void => report((event as ErrorEvent).error ?? (event as ErrorEvent).message);
  const onRejection = (event: Event): void => report((event as PromiseRejectionEvent).reason);
  globalThis.addEventListener('error', onError);
  globalThis.addEventListener('unhandledrejection', onRejection);
  return () => {
    globalThis.removeEventListener('error', onError);
    globalThis.removeEventListener('unhandledrejection', onRejection);
  };
}
