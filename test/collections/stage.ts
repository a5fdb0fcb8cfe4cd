import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection, logger} from 'sharedb/lib/client/index.js';
// Not the entry, which loads the code of transactions: see map-alone.ts.
import {SharedMap} from '../../lib/collections/shared-map.js';
import {Host, InMemoryStorage} from '../../lib/host.js';
import type {HostOptions} from '../../lib/host/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Channel, Locks, OpenChannel} from '../../lib/platform/platform.js';
import type {Storage} from '../../lib/store/storage.js';
import type {Agenda, Subject} from '../simulator/agenda.js';
import {SimulatedLocks} from '../simulator/simulated-locks.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** Web Locks that are granted in a later task. */
const newLocks = (): SimulatedLocks => new SimulatedLocks({lane: () => ({add: (task: () => void) => setImmediate(task)})} as unknown as Agenda);

/** A process. When it is killed, no message leaves or reaches it, and its locks are free. */
class Process implements Subject {
  readonly name = 'process';
  state: Subject['state'] = 'running';
  readonly locks: Locks | undefined;

  constructor(private readonly open: OpenChannel, private readonly all: SimulatedLocks | undefined) {
    this.locks = all?.of(this);
  }

  private get isDead(): boolean {
    return this.state === 'dead';
  }

  readonly channel: OpenChannel = name => {
    const real = this.open(name);
    const isDead = (): boolean => this.isDead;
    const channel: Channel = {
      onmessage: null,
      postMessage(data: unknown) { if (!isDead()) real.postMessage(data); },
      close: () => real.close()
    };
    real.onmessage = event => { if (!isDead()) channel.onmessage?.(event); };
    return channel;
  };

  kill(): void {
    this.state = 'dead';
    this.all?.forget(this);
    this.all?.free(this);
  }
}

/** A browser with tabs and several hosts one after the other, and a server that may be away. */
export class CollectionsStage {
  readonly backend = new Backend();
  readonly tabs: ProxyConnection[] = [];
  readonly errors: unknown[] = [];
  /** Everything that was sent to the server. */
  sent = '';
  host!: Host;
  storage: Storage = new InMemoryStorage();
  private readonly channel = memoryChannels(deliver => { setImmediate(deliver); });
  private readonly locks: SimulatedLocks | undefined;
  private readonly processes = new Map<object, Process>();
  private hostProcess!: Process;
  server!: Connection;
  private readonly others: {close(): void}[] = [];

  /** @param options `hasLocks`: the browser has Web Locks */
  constructor(private readonly options: {online?: boolean; hasLocks?: boolean} & Partial<HostOptions> = {}) {
    if (options.hasLocks) this.locks = newLocks();
    this.startHost();
  }

  startHost(): void {
    const {online = false, hasLocks: _, ...options} = this.options;
    this.hostProcess = new Process(this.channel, this.locks);
    this.server = online ? this.backend.connect() as unknown as Connection
      : new Connection({readyState: 0, close() {}, send: (json: string) => { this.sent += json; }} as never);
    this.server.on('send', (message: unknown) => { this.sent += JSON.stringify(message); });
    this.host = new Host({
      connection: this.server, channel: this.hostProcess.channel, locks: this.hostProcess.locks, place: 'shared-worker', store: {storage: this.storage}, warn: () => {}, ...options
    });
  }

  /** Kills the host at any point of its work. Another host takes over. */
  replaceHost(): void {
    this.killHost();
    this.startHost();
  }

  killHost(): void {
    this.hostProcess.kill();
    const {host, server} = this;
    // The host's timers end with it. Its later messages do not arrive.
    host.abandon();
    server.close();
  }

  openTab(): ProxyConnection {
    const process = new Process(this.channel, this.locks);
    const tab = new ProxyConnection({channel: process.channel, locks: process.locks, warn: () => {}, hostTimeout: 2000});
    tab.on('error', error => { this.errors.push(error); });
    this.processes.set(tab, process);
    this.tabs.push(tab);
    return tab;
  }

  /** Opens a tab of another browser, with its own host. */
  openDevice(options: Partial<HostOptions> = {}): {tab: ProxyConnection; host: Host; server: Connection} {
    const channel = memoryChannels(deliver => { setImmediate(deliver); });
    const server = this.backend.connect() as unknown as Connection;
    const host = new Host({connection: server, channel, place: 'shared-worker', store: {storage: new InMemoryStorage()}, warn: () => {}, ...options});
    const tab = new ProxyConnection({channel, warn: () => {}});
    tab.on('error', error => { this.errors.push(error); });
    this.others.push(tab, host);
    return {tab, host, server};
  }

  /** The tab dies without a message. */
  killTab(tab: ProxyConnection): void {
    this.processes.get(tab)!.kill();
    tab.close();
    this.tabs.splice(this.tabs.indexOf(tab), 1);
  }

  /** Waits until everything is written, then restarts the browser. */
  async restart(): Promise<void> {
    for (const tab of this.tabs.splice(0)) tab.close();
    this.host.close();
    await this.host.whenClosed;
    this.startHost();
  }

  async quiet(): Promise<void> {
    await until('all is quiet', () => this.tabs.every(tab => !tab.hasPending()));
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    for (const other of this.others) other.close();
    this.host.close();
    this.backend.close();
  }
}

/** Gives each test of a suite a stage with two tabs. Afterwards no tab may have emitted an error. */
export function eachWithTwoTabs(use: (tab: ProxyConnection, other: ProxyConnection, stage: CollectionsStage) => void): void {
  let stage: CollectionsStage;
  beforeEach(() => {
    stage = new CollectionsStage();
    use(stage.openTab(), stage.openTab(), stage);
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });
}

/** Opens a map of numbers in each of these tabs. */
export const openMaps = (name: string, ...tabs: ProxyConnection[]): Promise<SharedMap<string, number>[]> =>
  Promise.all(tabs.map(tab => SharedMap.open<string, number>(tab, name)));

/** The error that a promise rejects with; undefined if it resolves. */
export const rejection = (promise: Promise<unknown>): Promise<any> => promise.then(() => undefined, (error: unknown) => error);
