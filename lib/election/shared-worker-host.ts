import type {Channel} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import type {HostProvider} from './host-provider.js';
import {NOT_LOADED, type WorkerTrouble} from './worker-trouble.js';
import {parseWorkerFailure, type PortHello, type WorkerGreeting, type WorkerSignal} from './worker-messages.js';

export interface SharedWorkerHostOptions {
  namespace: string;
  greeting: () => WorkerGreeting | Promise<WorkerGreeting>;
  create: () => SharedWorker;
  /** Called when the worker can't be created, its script can't be loaded or throws, or the worker can't be the host. */
  onFailure(trouble: WorkerTrouble): void;
}

/** The provider that uses a shared worker. The first tab starts the worker, and the others connect to it. */
export class SharedWorkerHost implements HostProvider {
  readonly mode = 'shared-worker';
  private worker: SharedWorker | undefined;
  private closed = false;

  constructor(private readonly options: SharedWorkerHostOptions) {}

  start(): void {
    const {create, greeting, onFailure} = this.options;
    this.worker?.port.close();
    let worker: SharedWorker;
    try {
      worker = create();
      if (!(worker as Partial<SharedWorker> | undefined)?.port) throw TypeError('sharedWorker returned none');
    } catch (error) {
      return onFailure({kind: 'page', reason: `The shared worker could not be started: ${(error as Error).message}`});
    }
    this.worker = worker;
    worker.onerror = event => { if (!this.closed) onFailure(whatFailed(event)); };
    worker.port.onmessage = ({data}: {data: unknown}) => {
      const failure = parseWorkerFailure(data);
      if (failure && !this.closed) onFailure(failure);
    };
    const post = (message: WorkerGreeting): void => { if (!this.closed) worker.port.postMessage(message); };
    const fail = (error: unknown): void => onFailure({kind: 'page', reason: `The option url did not give a URL: ${(error as Error).message}`});
    try {
      const message = greeting();
      // Posted synchronously if possible, because the worker keeps only greetings that arrive after this message.
      if (message instanceof Promise) message.then(post, fail);
      else post(message);
    } catch (error) {
      fail(error);
    }
  }

  greet(hello: Hello): Channel | undefined {
    if (!this.worker) return undefined;
    const {port1, port2} = new MessageChannel();
    this.worker.port.postMessage({type: 'sharedb-tabs:hello', namespace: this.options.namespace, hello} satisfies PortHello, [port2]);
    return port1;
  }

  close(atOnce = false): void {
    this.closed = true;
    // A suspended page may return, and has left its unconfirmed ops with the worker, so its greeting stays there.
    if (!atOnce) this.worker?.port.postMessage({type: 'sharedb-tabs:leave'} satisfies WorkerSignal);
    this.worker?.port.close();
    this.worker = undefined;
  }
}

/**
 * The browser's `error` event has a message and a position if the script throws (Chromium 156, Firefox 140), and neither if the
 * script can't be loaded or parsed.
 */
function whatFailed({message, filename, lineno}: Partial<ErrorEvent>): WorkerTrouble {
  if (!message) return NOT_LOADED;
  return {kind: 'script', reason: `The shared worker's script failed: ${message} (${filename}:${lineno})`};
}
