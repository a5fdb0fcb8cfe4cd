import {browserPlatform} from '../platform/browser.js';
import type {Clock, Locks, OpenChannel} from '../platform/platform.js';
import {electionLockName} from '../protocol/version.js';
import {AT_ONCE, type HostProvider} from './host-provider.js';
import {OptionExchange} from './option-exchange.js';
import {isSignal, parseWorkerFailure, type TabOptions, type WorkerGreeting, type WorkerSignal} from './worker-messages.js';

/** How long a worker's script may take to load, in ms. After that, the page itself becomes the host. */
const READY_MS = 3000;
/** How long a worker may take to stop, in ms, before it is terminated. */
const STOP_MS = 2000;

export interface ElectedTabHostOptions {
  namespace: string;
  /** The option `build`: the app's name for this tab's build. */
  build: string;
  locks: Locks;
  clock: Clock;
  /** Opens the channel to other tabs. Default: BroadcastChannel. */
  channel: OpenChannel | undefined;
  greeting: () => Promise<WorkerGreeting>;
  /** Creates a worker for this tab alone. If missing, the page is the host. */
  createWorker: (() => Worker) | undefined;
  /**
   * Runs a host in the page until the signal aborts.
   * @param trouble why the worker that the app has configured is not the host, if that is not reported yet
   * @returns a function that compares another tab's options with those of the host
   */
  hostInPage: (greeting: WorkerGreeting, signal: AbortSignal, trouble: string | undefined) => Promise<(given: TabOptions) => void>;
  /** Called when neither a worker nor the page can be the host. */
  onFailure(reason: string): void;
}

/**
 * A host that one of the tabs provides, in a dedicated worker or in its page, for browsers without shared workers. The elected tab
 * is the one that holds the election lock. When it closes, the browser grants the lock to another tab.
 */
export class ElectedTabHost implements HostProvider {
  readonly mode = 'elected-tab';
  private readonly election = new AbortController();
  private isCandidate = false;
  private isElected = false;
  private closed = false;
  private stop: ((atOnce: boolean) => void) | undefined;
  private resign: () => void = () => {};
  private terms = 0;
  private hasReported = false;
  /** Opened by the first attempt to become the host. */
  private exchange: OptionExchange | undefined;

  constructor(private readonly options: ElectedTabHostOptions) {}

  start(): void {
    if (this.isElected) return this.host(false);
    if (this.isCandidate) return;
    this.isCandidate = true;
    this.openExchange();
    const {locks, namespace, build} = this.options;
    locks.request(electionLockName(namespace, build), {mode: 'exclusive', signal: this.election.signal}, () => {
      if (this.closed) return undefined;
      this.isElected = true;
      this.host(false);
      return new Promise<void>(resolve => { this.resign = resolve; });
    }).catch((error: unknown) => {
      if (this.closed || this.isElected) return;
      this.isCandidate = false;
      this.options.onFailure(`This page can't use Web Locks to elect a tab: ${(error as Error).message}`);
    });
  }

  /** Starts a host that takes the host lock without an election, because the current host does not answer. */
  seize(): void {
    this.host(true);
  }

  /** Terminates the host of this tab, because it does not answer. A worker in an endless loop would keep its transactions open. */
  abandon(): void {
    this.stop?.(true);
    this.stop = undefined;
  }

  close(atOnce = false): void {
    if (this.closed) return;
    this.closed = true;
    this.election.abort();
    this.stop?.(atOnce);
    this.exchange?.close();
    this.resign();
  }

  private openExchange(): OptionExchange {
    const {namespace, channel, greeting} = this.options;
    return this.exchange ??= new OptionExchange(namespace, browserPlatform({channel}).channel, greeting);
  }

  private host(steal: boolean): void {
    this.openExchange().stopServing();
    this.stop?.(steal);
    this.stop = undefined;
    const term = ++this.terms;
    this.options.greeting().then(greeting => {
      if (this.closed || term !== this.terms) return;
      const message = {...greeting, steal};
      if (this.options.createWorker) this.hostInWorker(this.options.createWorker, message);
      else this.hostInPage(message);
    }, (error: unknown) => this.options.onFailure(`The option url did not give a URL: ${(error as Error).message}`));
  }

  private hostInPage(greeting: WorkerGreeting, trouble?: string): void {
    const hosting = new AbortController();
    this.stop = atOnce => hosting.abort(atOnce ? AT_ONCE : undefined);
    const unreported = this.hasReported ? undefined : trouble;
    this.hasReported ||= !!trouble;
    this.options.hostInPage(greeting, hosting.signal, unreported).then(compare => {
      if (!hosting.signal.aborted) this.exchange?.serve(compare);
    }).catch((error: unknown) => {
      if (!this.closed) this.options.onFailure(`This tab can't be the host: ${(error as Error).message}`);
    });
  }

  private hostInWorker(create: () => Worker, greeting: WorkerGreeting): void {
    const {clock} = this.options;
    let worker: Worker;
    try {
      worker = create();
      if (typeof (worker as Partial<Worker> | undefined)?.terminate !== 'function') throw new TypeError('the option worker returned no Worker');
    } catch (error) {
      return this.hostInPage(greeting, `It could not be created: ${(error as Error).message}`);
    }
    let isReady = false;
    const end = (): void => worker.terminate();
    const hostInPageInstead = (trouble: string): void => {
      if (isReady || this.stop !== stop) return;
      end();
      this.hostInPage(greeting, trouble);
    };
    const cancelReady = clock.after(READY_MS, () => hostInPageInstead(`It has not called startHost() within ${READY_MS} ms`));
    const stop = (atOnce: boolean): void => {
      cancelReady();
      if (atOnce) return end();
      worker.postMessage({type: 'sharedb-tabs:stop'} satisfies WorkerSignal);
      clock.after(STOP_MS, end);
    };
    this.stop = stop;
    // Errors after the start also arrive here. They are ignored, because the browser logs them in the console.
    worker.onerror = event => hostInPageInstead(whatFailed(event));
    worker.onmessage = ({data}: {data: unknown}) => {
      if (isSignal(data, 'sharedb-tabs:stopped')) return end();
      // The host in the page will fail for the same reason, and report it.
      const failure = parseWorkerFailure(data);
      if (failure && this.stop === stop) {
        end();
        return this.hostInPage(greeting, failure.reason);
      }
      if (!isSignal(data, 'sharedb-tabs:ready') || isReady) return;
      isReady = true;
      cancelReady();
      worker.postMessage(greeting);
      this.exchange?.serve(given => worker.postMessage(given));
    };
  }
}

/** The event has a message and a position if the script throws, and neither if the script can't be loaded or parsed. */
const whatFailed = ({message, filename, lineno}: Partial<ErrorEvent>): string =>
  message ? `Its script failed: ${message} (${filename}:${lineno})` : 'Its script could not be loaded or parsed';
