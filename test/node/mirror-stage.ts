import Backend from 'sharedb';
import {logger, Connection} from 'sharedb/lib/client/index.js';
import {Host, type HostOptions} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import type {Clock} from '../../lib/platform/platform.js';
import {systemClock} from '../../lib/platform/browser.js';
import {Random} from '../support/random.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {Browser, type Process} from '../support/browser.js';

logger.setMethods({info: () => {}, warn: () => {}});

/** Waits for an answer take at least this long, in ms: without locks, a new host looks for mirrors for 100 ms. */
const LONG_MS = 100;
/** An answer arrives within this number of turns of the event loop. */
const TURNS = 100;

/**
 * A clock that is ten times as fast as the real one: a wait of one second takes 100 ms. Messages of a dead process arrive before any time
 * passes. In a browser they take less time than the shortest wait of the library. A long wait also lets arrive what this process had no
 * time for: if a busy machine stops it, its timers are due before answers that are on their way.
 */
function fastClock(browser: Browser): Clock {
  return {
    now: () => Date.now(),
    after: (ms, callback) => {
      let isCancelled = false;
      let turns = ms < LONG_MS ? 0 : TURNS;
      const look = (): void => {
        if (isCancelled) return;
        if (browser.hasStragglers || turns-- > 0) setImmediate(look);
        else callback();
      };
      const cancel = systemClock.after(ms / 10, look);
      return () => {
        isCancelled = true;
        cancel();
      };
    }
  };
}

export interface StagedTab {
  connection: ProxyConnection;
  process: Process;
}

/** A server, and a browser with several hosts one after the other. No host has a store. */
export class MirrorStage {
  readonly backend = new Backend({presence: true});
  readonly browser: Browser;
  readonly clock: Clock;
  readonly tabs: StagedTab[] = [];
  readonly warnings: unknown[] = [];
  host!: Host;
  hostProcess!: Process;
  real!: Connection;
  withLocks = true;

  constructor(seed = 1) {
    this.browser = new Browser(new Random(seed));
    this.clock = fastClock(this.browser);
  }

  /** @param online if false, the host has no server until `goOnline` */
  startHost({online = true, ...options}: {online?: boolean} & Partial<HostOptions> = {}): void {
    const process = (this.hostProcess = this.browser.process());
    this.real = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (online) this.goOnline();
    this.host = new Host({
      connection: this.real, channel: process.channel, locks: this.withLocks ? process.locks : undefined, clock: this.clock,
      store: false, mirror: true, warn: this.warn, ...options
    });
  }

  goOnline(): void {
    this.backend.connect(this.real);
  }

  /** The host's process dies without a message. */
  killHost(): void {
    this.hostProcess.kill();
    this.real.close();
  }

  openTab(): StagedTab {
    const process = this.browser.process();
    const connection = new ProxyConnection({
      channel: process.channel, locks: this.withLocks ? process.locks : undefined, warn: this.warn
    });
    const tab = {connection, process};
    this.tabs.push(tab);
    return tab;
  }

  killTab(tab: StagedTab): void {
    tab.process.kill();
    this.tabs.splice(this.tabs.indexOf(tab), 1);
  }

  /** Waits until this number of mirrors have all that the host has. */
  async untilMirrored(count: number): Promise<void> {
    await until(`${count} mirrors have everything`, () => this.mirrorCount === count && this.host.inspect().pendingWrites === 0);
    await new Promise(resolve => setTimeout(resolve, 10));
  }

  get mirrorCount(): number {
    return this.mirrors.length;
  }

  /** The tabs that mirror all that the host has. */
  get mirrors(): StagedTab[] {
    return this.tabs.filter(({connection}) => {
      const role = (connection.hostClient as unknown as {mirrorRole?: {part?: {mirror?: {position?: unknown}}}}).mirrorRole?.part;
      return role?.mirror?.position !== undefined;
    });
  }

  /** Creates a document with a client of the server's own. */
  async create(id: string, data: object): Promise<void> {
    await settled(done => this.backend.connect().get('notes', id).create(data, done));
  }

  /** The server's data of a document. */
  async server(id: string): Promise<any> {
    const doc = this.backend.connect().get('notes', id);
    await settled(done => doc.fetch(done));
    return doc.data;
  }

  /** The identities of the ops that the server has. */
  async serverOps(id: string): Promise<string[]> {
    const ops = await new Promise<{src: string; seq: number}[]>((resolve, reject) => {
      this.backend.db.getOps('notes', id, 0, null, {}, (error: unknown, found: unknown) => (error ? reject(error as Error) : resolve(found as never)));
    });
    return ops.map(({src, seq}) => `${src}:${seq}`);
  }

  close(): void {
    for (const {connection} of this.tabs) connection.close();
    this.host.close();
  }

  private readonly warn = (message: string, detail: unknown): void => { this.warnings.push([message, detail]); };
}
