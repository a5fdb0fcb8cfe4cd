import {Host, type HostOptions} from '../host/host.js';
import {AT_ONCE} from './host-provider.js';
import {acquireHostLock} from './host-lock.js';

/** How long a host without tabs stays open, in ms. A page takes less time to reload. */
const IDLE_MS = 10_000;
/** How long a stopping host may take to send pending ops, in ms. */
const FINISH_MS = 1500;

export interface RunHostOptions extends Omit<HostOptions, 'connection' | 'onOpen'> {
  namespace: string;
  build: string;
  /** Whether to take the host lock from a host that does not answer. */
  steal: boolean;
  /** Connects to the server. Called when this host holds the host lock. `getToken` asks the tabs for a token. */
  connect(getToken: () => Promise<string>): unknown;
  /** Stops the host, or cancels its request for the host lock. */
  signal: AbortSignal;
}

export interface RunHostEvents {
  /** Another host holds the host lock, and this one waits for it. */
  onWaiting?(): void;
  /** This host holds the host lock and accepts tabs. */
  onOpen?(host: Host): void;
  /** The host has closed, or never started because of an error or an abort. Called once. */
  onStopped?(): void;
}

/** Acquires the host lock, then runs a host until the host closes, the signal aborts, or another host takes the lock. */
export function runHost(options: RunHostOptions, events: RunHostEvents = {}): void {
  const {steal, connect, signal, ...settings} = options;
  const {namespace, build, locks} = settings;
  let running: Host | undefined;
  const stop = (): void => running?.close();
  // The host may finish its writes and its ops. If the reason is AT_ONCE, it has no time for that; the next host reads from the
  // store what this one has written.
  const retire = (): void => {
    if (signal.reason === AT_ONCE) running?.abandon();
    else void running?.retire(FINISH_MS);
  };
  const finish = (): void => {
    signal.removeEventListener('abort', finish);
    events.onStopped?.();
  };
  // While the host waits for the lock, an abort has nothing else to stop.
  signal.addEventListener('abort', finish);
  const channel = settings.channel ?? (name => new BroadcastChannel(name));
  acquireHostLock({namespace, build, steal, locks, signal, channel, onWaiting: events.onWaiting}, async () => {
    signal.removeEventListener('abort', finish);
    if (signal.aborted) return;
    const {onOpen} = events;
    let host: Host;
    try {
      host = running = new Host({idleAfter: IDLE_MS, ...settings, onOpen, connection: connect(() => host.token())});
    } catch (error) {
      // The app's `connect` may have thrown. The worker can start a host again later.
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

/** Reports uncaught errors of a worker, which no tab's console shows. @returns a function that ends the reports */
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
