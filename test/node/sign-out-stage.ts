import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Channel} from '../../lib/platform/platform.js';
import type {Clearing} from '../../lib/protocol/clearing.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';

/** Tabs and the hosts that follow each other on one storage. */
export class SignOutStage {
  readonly backend = new Backend();
  readonly channel = memoryChannels();
  readonly storage = new InMemoryStorage();
  readonly tabs: ProxyConnection[] = [];
  host!: Host;
  /** Whether nothing that a host sends arrives, as if it had died. */
  isCut = false;

  start(cleared?: Clearing): void {
    this.host = new Host({connection: this.backend.connect(), channel: name => this.channelOfHost(name), store: {storage: this.storage}, cleared, warn: () => {}});
  }

  private channelOfHost(name: string): Channel {
    const channel = this.channel(name);
    const post = channel.postMessage.bind(channel);
    channel.postMessage = data => { if (!this.isCut) post(data); };
    return channel;
  }

  tab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
  }
}
