import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {Host, type HostOptions} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {settled} from '../waiting/settled.js';
import {calm} from './clock.js';

/** A server, with hosts and tabs that a test opens and closes. */
export class HostsStage {
  readonly backend = new Backend();
  channel = memoryChannels();
  connection!: Connection;
  readonly tabs: ProxyConnection[] = [];
  private readonly hosts: Host[] = [];

  /** Opens another host, beside the last one or after it. With `isOnline: false` it has no server yet. */
  protected openHost(store: HostOptions['store'], isOnline: boolean, warn: HostOptions['warn'] = () => {}): Host {
    this.connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    if (isOnline) this.goOnline();
    const host = new Host({connection: this.connection, channel: this.channel, store, warn});
    this.hosts.push(host);
    return host;
  }

  goOnline(): void {
    this.backend.connect(this.connection);
  }

  tab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  /** Ends everything, as a restart of the browser does: no tabs, and other channels. */
  async end(): Promise<void> {
    for (const tab of this.tabs.splice(0)) tab.close();
    for (const host of this.hosts.splice(0)) host.close();
    await calm();
    this.channel = memoryChannels();
  }

  /** The server's data of a document. */
  async onServer(id = 'a'): Promise<any> {
    const doc = this.backend.connect().get('notes', id);
    await settled(done => doc.fetch(done));
    return doc.data;
  }
}
