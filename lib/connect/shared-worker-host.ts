import type {Channel} from '../platform/platform.js';
import type {Hello} from '../protocol/frames.js';
import type {HostSource} from './host-source.js';
import type {PortHello, WorkerGreeting} from './worker-messages.js';

export interface SharedWorkerHostOptions {
  namespace: string;
  greeting: () => Promise<WorkerGreeting>;
  create: () => SharedWorker;
  /** The worker can't be had, or its script can't be loaded. */
  onFailure(reason: string): void;
}

/** The shared worker that hosts all tabs: the first tab starts it, the others join it. */
export class SharedWorkerHost implements HostSource {
  readonly mode = 'shared-worker';
  private worker: SharedWorker | undefined;
  private closed = false;

  constructor(private readonly options: SharedWorkerHostOptions) {}

  start(): void {
    const {create, greeting, onFailure} = this.options;
    try {
      this.worker = create();
    } catch (error) {
      return onFailure(`The shared worker could not be started: ${(error as Error).message}`);
    }
    const {worker} = this;
    worker.onerror = () => { if (!this.closed) onFailure('The shared worker\'s script could not be loaded'); };
    greeting().then(message => {
      if (!this.closed) worker.port.postMessage(message);
    }, (error: unknown) => onFailure(`The url could not be had: ${(error as Error).message}`));
  }

  greet(hello: Hello): Channel | undefined {
    if (!this.worker) return undefined;
    const {port1, port2} = new MessageChannel();
    this.worker.port.postMessage({type: 'sharedb-tabs:hello', namespace: this.options.namespace, hello} satisfies PortHello, [port2]);
    return port1;
  }

  close(): void {
    this.closed = true;
    this.worker?.port.close();
    this.worker = undefined;
  }
}
