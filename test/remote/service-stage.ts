import {MessageChannel, type MessagePort} from 'node:worker_threads';
import Backend from 'sharedb';
import * as running from '../../lib/services/running-services.js';
import {serviceCode, serviceSource, type ServicesOption} from '../../lib/services/service-source.js';
import type {ServiceOptions} from '../../lib/services/service-types.js';
import {Host, InMemoryStorage, type HostOptions, type StoreOptions} from '../../lib/host.js';
import {createConnection, type ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {systemClock} from '../../lib/platform/browser.js';
import type {Hello} from '../../lib/protocol/frames.js';
import type {Channel, Clock} from '../../lib/platform/platform.js';
import type {ProxyConnectionOptions} from '../../lib/tab/connection-options.js';
import {ProxyConnection as OwnConnection} from '../../lib/tab/proxy-connection.js';
import {PortedConnection} from '../node/ported-connection.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

// The code is loaded at once, and tests can reach into the same module.
serviceCode.running = () => Promise.resolve(running);

export type Mode = 'port' | 'broadcast' | 'direct' | 'memory';
export const MODES: readonly Mode[] = ['port', 'broadcast', 'direct'];

export interface StageOptions {
  mode?: Mode;
  services: ServicesOption;
  serviceOptions?: ServiceOptions;
  store?: StoreOptions | false;
  host?: Partial<HostOptions>;
  clock?: Clock;
  /** The delay of messages to the server, in ms. */
  serverDelay?: number;
}

/** A server, a host with services, and tabs. */
export class ServiceStage {
  backend: Backend;
  readonly warnings: [string, unknown][] = [];
  readonly channel: (name: string) => Channel;
  readonly store: StoreOptions | false;
  host: Host | undefined;
  private readonly real: {close(): void}[] = [];
  private readonly open: ProxyConnection[] = [];

  constructor(readonly options: StageOptions) {
    this.backend = this.startBackend();
    const {mode = 'port'} = options;
    this.store = options.store ?? false;
    // BroadcastChannels of Node: messages are cloned, and nothing can be transferred.
    const prefix = String(Math.random());
    this.channel = mode === 'broadcast' ? name => new BroadcastChannel(prefix + name) as unknown as Channel : memoryChannels();
    if (mode !== 'direct') this.startHost();
  }

  /** A server with an empty database. Assigned to `backend`, it answers when the host connects again. */
  startBackend(): Backend {
    const backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true, errorHandler: () => {}} as never);
    const {serverDelay} = this.options;
    if (serverDelay) backend.use('receive', (_context, next) => void systemClock.after(serverDelay, next));
    return backend;
  }

  get warn(): (message: string, detail: unknown) => void {
    return (message, detail) => void this.warnings.push([message, detail]);
  }

  startHost(more: Partial<HostOptions> = {}): Host {
    const {services, serviceOptions, clock, host} = this.options;
    this.host = new Host({
      connection: this.connect(), channel: this.channel, place: 'shared-worker', store: this.store, mirror: false, clock, warn: this.warn,
      services: serviceSource(services, serviceOptions), ...host, ...more
    });
    return this.host;
  }

  private connect(): unknown {
    const real = this.backend.connect();
    this.real.push(real);
    return real;
  }

  /** Breaks the host's connection to the server until `reconnect`. */
  disconnect(): void {
    for (const real of this.real) real.close();
  }

  reconnect(): void {
    for (const real of this.real) if ((real as {state?: string}).state !== 'connected') this.backend.connect(real as never);
  }

  tab(options: ProxyConnectionOptions = {}): ProxyConnection {
    const {mode = 'port', services, serviceOptions, clock} = this.options;
    const own = {channel: this.channel, warn: this.warn, clock, ...options};
    const connection = mode === 'direct'
      ? createConnection({connect: () => this.connect()}, {mode: 'direct', services, ...(serviceOptions && {serviceOptions}), warn: this.warn})
      : mode !== 'port' ? new OwnConnection(own) : new PortedConnection(own, hello => this.greet(hello));
    this.open.push(connection);
    return connection;
  }

  /** A tab whose greetings on ports `onGreeting` receives. They have no answer until `host.admit` is called for one of them. */
  slowTab(onGreeting: (hello: Hello, port: Channel) => void): ProxyConnection {
    // No host receives its greetings on the greeting channel.
    const connection = new PortedConnection({channel: memoryChannels(), warn: this.warn}, hello => {
      const {port1, port2} = new MessageChannel() as unknown as {port1: MessagePort & Channel; port2: MessagePort & Channel};
      onGreeting(hello, port2);
      return port1;
    });
    this.open.push(connection);
    return connection;
  }

  /** Replaces the host by another one. Tabs without a session greet the new host when it announces itself. */
  async replaceHost(more: Partial<HostOptions> = {}): Promise<Host> {
    this.host?.close();
    await until('the tabs have lost their host', () => this.open.every(({hostState}) => hostState !== 'connected'));
    return this.startHost(more);
  }

  private greet(hello: Hello): Channel | undefined {
    const {port1, port2} = new MessageChannel() as unknown as {port1: MessagePort & Channel; port2: MessagePort & Channel};
    return this.host?.admit(hello, port2) ? port1 : undefined;
  }

  /** Opens a subscribed document. */
  async doc<Data>(connection: ProxyConnection, id: string, data?: Data): Promise<ProxyDoc<Data>> {
    const doc = connection.get<Data>('docs', id);
    await settled(done => doc.subscribe(done));
    if (data !== undefined && !doc.type) await settled(done => doc.create(data, done));
    return doc;
  }

  close(): void {
    for (const each of this.open.splice(0)) each.close();
    this.host?.close();
  }
}

export const memoryStore = (durability?: StoreOptions['durability']): StoreOptions => ({storage: new InMemoryStorage(), ...(durability && {durability})});
