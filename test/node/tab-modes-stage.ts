import Backend from 'sharedb';
import * as electedTab from '../../lib/election/elected-tab-host.js';
import {hostCode} from '../../lib/election/host-code.js';
import * as page from '../../lib/election/page-code.js';
import {runHost} from '../../lib/election/run-host.js';
import {isSignal, parseWorkerGreeting, type WorkerFailure, type WorkerSignal} from '../../lib/election/worker-messages.js';
import {createConnection, type ConnectOptions, type TabConnection} from '../../lib/index.js';
import type {Locks} from '../../lib/platform/platform.js';
import {hostLockName} from '../../lib/protocol/version.js';
import {Random} from '../support/random.js';
import {FakeClock, calm} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {Browser, type Process} from '../support/browser.js';

/** The time of day at the start, in ms since 1970. */
const START = 1_000_000_000_000;

export interface OpenedTab {
  process: Process;
  connection: TabConnection;
  /** The `mode` events, as `mode: reason`. */
  modes: string[];
  errors: string[];
}

/** Locks as they are in a sandboxed frame, and in a page whose site data is blocked. */
export const deniedLocks: Locks = {
  request: () => Promise.reject(new DOMException('request() is not allowed in this context', 'SecurityError'))
};

/** A shared worker whose script can't be loaded. It fires `error` one turn later. */
class BrokenSharedWorker {
  onerror: ((event: unknown) => void) | null = null;
  port = new MessageChannel().port1;
  constructor() {
    setImmediate(() => this.onerror?.(new Event('error')));
  }
}

/** Tabs of one browser with connections made by `createConnection`, and one server. No worker of theirs ever starts. */
export class TabModesStage {
  readonly backend = new Backend();
  readonly tabs: OpenedTab[] = [];
  readonly network = new EventTarget();
  /** How often the host's code was requested. */
  loads = 0;
  private elapsed = 0;
  private readonly timers = new FakeClock();
  private readonly browser: Browser;
  private readonly hostCode = {...hostCode};
  private readonly globals = Object.fromEntries(
    ['SharedWorker', 'BroadcastChannel', 'addEventListener', 'removeEventListener'].map(name => [name, Object.getOwnPropertyDescriptor(globalThis, name)])
  );

  constructor(seed = 1) {
    this.browser = new Browser(new Random(seed));
    const {network} = this;
    this.define('SharedWorker', BrokenSharedWorker);
    this.define('addEventListener', network.addEventListener.bind(network));
    this.define('removeEventListener', network.removeEventListener.bind(network));
    this.findCode();
  }

  define(name: string, value: unknown): void {
    Object.defineProperty(globalThis, name, {value, configurable: true, writable: true});
  }

  /** Loses a host's answers to greetings, until it is called with `false`. */
  loseWelcomes(areLost: boolean): void {
    this.browser.look = (_name, data) => !areLost || (data as {type?: string}).type !== 'welcome';
  }

  /** No code can be loaded, as when the page's server is away. */
  loseCode(): void {
    const fail = (): Promise<never> => {
      this.loads++;
      return Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
    };
    Object.assign(hostCode, {electedTab: fail, page: fail});
  }

  /** Code loads at once. Node's own loader would take real time, which a test's clock does not include. */
  findCode(): void {
    const counted = <Code>(code: Code) => async (): Promise<Code> => {
      this.loads++;
      return code;
    };
    Object.assign(hostCode, {electedTab: counted(electedTab), page: counted(page)});
  }

  open(more: ConnectOptions = {}): OpenedTab {
    const process = this.browser.process();
    const {channel, locks} = process;
    const clock = {now: () => START + this.elapsed, after: this.timers.after};
    const options = {url: 'ws://nowhere.invalid', channel, locks, clock, store: false as const, warn: () => {}, sharedWorker: () => new SharedWorker(''), ...more};
    const connection = createConnection(this.backend, options);
    const tab: OpenedTab = {process, connection, modes: [], errors: []};
    connection.on('mode', (mode, reason) => tab.modes.push(`${mode}: ${reason}`));
    connection.on('error', error => tab.errors.push(`${(error as {code?: string}).code}: ${error.message}`));
    this.tabs.push(tab);
    return tab;
  }

  /** A worker of one tab's own, with a host. @param loadMs how long its script takes to load, in ms */
  ownWorker(loadMs: number): Worker {
    const process = this.browser.process();
    const end = new AbortController();
    const tell = (data: WorkerSignal | WorkerFailure): void => {
      if (process.state === 'running') worker.onmessage?.({data});
    };
    const worker = {
      onmessage: null as ((event: {data: unknown}) => void) | null,
      onerror: null,
      postMessage: (data: unknown): void => {
        const {locks, channel} = process;
        const greeting = parseWorkerGreeting(data);
        if (greeting) {
          const {namespace, steal, after} = greeting;
          const clock = {now: () => START + this.elapsed, after: this.timers.after};
          runHost({
            namespace, build: '', place: 'elected-tab', steal, after, store: false, locks, channel, clock, signal: end.signal, warn: () => {},
            connect: () => this.backend.connect()
          }, {onStopped: () => tell({type: 'sharedb-tabs:stopped'})});
        } else if (isSignal(data, 'sharedb-tabs:stop')) end.abort();
      },
      terminate: () => process.kill()
    };
    this.timers.after(loadMs, () => tell({type: 'sharedb-tabs:ready'}));
    return worker as unknown as Worker;
  }

  /** Another program holds the host lock, and does not answer. */
  holdHostLock(): void {
    void this.browser.process().locks.request(hostLockName('default'), {}, () => new Promise<void>(() => {})).catch(() => {});
  }

  /** Lets time pass, in steps that are short enough for messages in between. */
  async pass(ms: number, step = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      this.elapsed += step;
      this.timers.pass(step);
      await calm(10);
    }
  }

  /** Delivers all messages that are under way. */
  async settle(): Promise<void> {
    await calm();
    await this.pass(500, 50);
  }

  goOnline(): void {
    this.network.dispatchEvent(new Event('online'));
  }

  /** The tab's process ends without a message. */
  kill(tab: OpenedTab): void {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.process.kill();
  }

  async edit({connection}: OpenedTab): Promise<unknown> {
    const doc = connection.get('docs', 'one');
    await settled(done => doc.subscribe(done));
    if (!doc.type) await settled(done => doc.create({n: 0}, done));
    await settled(done => doc.submitOp([{p: ['n'], na: 1}], {}, done));
    return doc.data;
  }

  async close(): Promise<void> {
    for (const {connection} of this.tabs) connection.close();
    await calm();
    Object.assign(hostCode, this.hostCode);
    for (const [name, descriptor] of Object.entries(this.globals)) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete (globalThis as Record<string, unknown>)[name];
    }
  }
}
