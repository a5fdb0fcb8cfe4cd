import {hostLockName} from '../protocol/version.js';
import type {Locks} from '../platform/platform.js';
import type {WorkerGreeting} from './worker-greeting.js';

export interface SharedWorkerHostOptions {
  namespace: string;
  url: () => Promise<string | undefined>;
  store: WorkerGreeting['store'];
  create: () => SharedWorker;
  locks: Locks | undefined;
  /** The worker can't be had, or its script can't be loaded. */
  onFailure(reason: string): void;
  /** The host in office is gone. No event of the worker tells: only its lock is free. */
  onDeath(): void;
}

/** Starts the shared worker that hosts this tab, and watches whether a host is in office. */
export class SharedWorkerHost {
  private worker: SharedWorker | undefined;
  private watch: AbortController | undefined;
  private closed = false;

  constructor(private readonly options: SharedWorkerHostOptions) {}

  start(): void {
    const {create, namespace, store, onFailure} = this.options;
    try {
      this.worker = create();
    } catch (error) {
      return onFailure(`The shared worker could not be started: ${(error as Error).message}`);
    }
    const {worker} = this;
    worker.onerror = () => onFailure('The shared worker\'s script could not be loaded');
    void this.options.url().then(url => {
      const greeting: WorkerGreeting = {type: 'sharedb-tabs', namespace, url, store};
      if (!this.closed) worker.port.postMessage(greeting);
    }, (error: unknown) => onFailure(`The url could not be had: ${(error as Error).message}`));
  }

  /** Waits for the lock that the host in office holds. Called when a host has answered. */
  watchHost(): void {
    const {locks, namespace, onDeath} = this.options;
    if (!locks) return;
    this.watch?.abort();
    const watch = (this.watch = new AbortController());
    void locks.request(hostLockName(namespace), {mode: 'shared', signal: watch.signal}, () => {
      if (!this.closed && this.watch === watch) onDeath();
    }).catch(() => {});
  }

  close(): void {
    this.closed = true;
    this.watch?.abort();
    this.worker?.port.close();
  }
}
