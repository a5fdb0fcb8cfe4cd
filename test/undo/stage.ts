import json1 from 'ot-json1';
import unicode from 'ot-text-unicode';
import richText from 'rich-text';
import Backend from 'sharedb';
import client, {logger} from 'sharedb/lib/client/index.js';
import type {Doc} from 'sharedb/lib/client/index.js';
import {Host, InMemoryStorage} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

for (const type of [richText.type, json1.type, unicode.type]) client.types.register(type as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** A server with one document, a host with tabs, and remote clients. */
export class UndoStage {
  readonly backend = new Backend();
  readonly tabs: ProxyDoc[] = [];
  readonly remotes: Doc[] = [];
  host: Host;
  private readonly channel = memoryChannels();
  private readonly storage = new InMemoryStorage();
  private server = this.backend.connect();

  private constructor() {
    this.host = this.startHost();
  }

  static async open(type: string, data: unknown, {tabs = 1, remotes = 1} = {}): Promise<UndoStage> {
    const stage = new UndoStage();
    for (let i = 0; i < tabs; i++) stage.openTab();
    for (let i = 0; i < remotes; i++) stage.remotes.push(stage.backend.connect().get('docs', 'one'));
    await stage.tabs[0]!.create(data, type);
    for (const doc of stage.all) await new Promise<void>((resolve, reject) => doc.subscribe(error => (error ? reject(error) : resolve())));
    return stage;
  }

  /** A tab that has not loaded the document yet. */
  openTab(): ProxyDoc {
    const doc = new ProxyConnection({channel: this.channel}).get('docs', 'one');
    this.tabs.push(doc);
    return doc;
  }

  get all(): (ProxyDoc | Doc)[] {
    return [...this.tabs, ...this.remotes];
  }

  startHost(): Host {
    this.server = this.backend.connect();
    return (this.host = new Host({connection: this.server, channel: this.channel, store: {storage: this.storage}}));
  }

  disconnectServer(): void {
    this.server.close();
  }

  /** Waits until all clients show the same data and the server has all edits. */
  async settle(): Promise<void> {
    const seen = (): string[] => this.all.map(doc => JSON.stringify([doc.version, doc.data]));
    await until('all documents are the same', () => !this.all.some(doc => doc.hasWritePending()) && new Set(seen()).size === 1, 5000);
  }

  close(): void {
    for (const doc of this.all) doc.connection.close();
    this.host.close();
    this.backend.close();
  }
}
