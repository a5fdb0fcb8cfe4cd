import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection, logger, type Doc} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const MINE = [{p: [1], li: 'mine'}];

/** A server whose database can be replaced, one disk, and hosts one after the other. */
class ReplacedServerStage {
  backend!: Backend;
  /** The server refuses edits that contain `mine`. */
  refuses = false;
  readonly storage = new InMemoryStorage();
  channel = memoryChannels();
  connection!: Connection;
  host!: Host;
  tabs: ProxyConnection[] = [];

  async replaceDatabase(start: string[], edits: number): Promise<void> {
    this.backend = new Backend();
    this.backend.use('submit', ({op}: {op: unknown}, next: (error?: Error) => void) => {
      next(this.refuses && JSON.stringify(op).includes('mine') ? Object.assign(new Error('No'), {code: 'ERR_FORBIDDEN'}) : undefined);
    });
    const doc = this.client();
    await settled(done => doc.create(start, done));
    await this.edit(edits);
  }

  startHost(): void {
    this.channel = memoryChannels();
    this.connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    this.backend.connect(this.connection);
    this.host = new Host({connection: this.connection, channel: this.channel, store: {storage: this.storage}, warn: () => {}});
  }

  async tab(): Promise<ProxyConnection> {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    await until('the tab is connected', () => tab.state === 'connected');
    return tab;
  }

  async stopHost(): Promise<void> {
    for (const tab of this.tabs.splice(0)) {
      await tab.flushWrites();
      tab.close();
    }
    this.host.close();
    await this.host.whenClosed;
    this.connection.close();
  }

  client(): Doc {
    return this.backend.connect().get('lists', 'a');
  }

  async edit(times: number): Promise<void> {
    const doc = this.client();
    await settled(done => doc.fetch(done));
    for (let i = 0; i < times; i++) await settled(done => doc.submitOp([{p: [0], li: `${doc.version}`}], {}, done));
  }

  async data(): Promise<string[]> {
    const doc = this.client();
    await settled(done => doc.fetch(done));
    return doc.data as string[];
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
    this.connection.close();
  }
}

const codeOf = (completion: PromiseLike<unknown>): Promise<string | undefined> =>
  Promise.resolve(completion.then(() => undefined, (error: {code?: string; message: string}) => error.code ?? error.message));

describe('dead letters of a database that was replaced', () => {
  let stage: ReplacedServerStage;
  beforeEach(() => { stage = new ReplacedServerStage(); });
  afterEach(() => stage.close());

  async function open(): Promise<{tab: ProxyConnection; doc: ProxyDoc}> {
    await stage.replaceDatabase(['old'], 2);
    stage.startHost();
    const tab = await stage.tab();
    const doc = tab.get('lists', 'a');
    await doc.subscribe();
    return {tab, doc};
  }

  async function refusedEdit(): Promise<{tab: ProxyConnection; doc: ProxyDoc}> {
    const opened = await open();
    stage.refuses = true;
    expect(await codeOf(opened.doc.submitOp(MINE))).to.equal('ERR_FORBIDDEN');
    stage.refuses = false;
    return opened;
  }

  /** The letter stays, can be seen, and changes nothing at the server. */
  async function refusesRetry(tab: ProxyConnection): Promise<void> {
    const [letter] = await tab.deadLetters.list();
    const before = await stage.data();
    expect(await codeOf(tab.deadLetters.retry(letter!.id))).to.equal('ERR_TABS_LETTER_BASE');
    expect(await stage.data()).to.eql(before);
    expect((await tab.deadLetters.list()).map(({id, step}) => [id, step])).to.eql([[letter!.id, {op: MINE}]]);
  }

  it('are not applied to the state that the other database has at their version, if it caused them', async () => {
    const {tab, doc} = await open();
    stage.connection.close();
    await until('the tab knows', () => tab.state === 'closed');
    const edit = codeOf(doc.submitOp(MINE));
    await stage.replaceDatabase(['other'], 0);
    stage.backend.connect(stage.connection);
    expect(await edit).to.equal('ERR_TABS_HISTORY_GONE');
    await stage.edit(6);
    await refusesRetry(tab);
  });

  for (const [what, edits] of [['as many ops', 2], ['more ops', 6]] as const) {
    it(`are not applied to it by a living host, if they were refused before, and it has ${what}`, async () => {
      const {tab} = await refusedEdit();
      stage.connection.close();
      await stage.replaceDatabase(['other'], edits);
      stage.backend.connect(stage.connection);
      await until('the host is connected', () => tab.state === 'connected');
      await refusesRetry(tab);
    });

    it(`are not applied to it by the next host, if it has ${what}`, async () => {
      await refusedEdit();
      await stage.stopHost();
      await stage.replaceDatabase(['other'], edits);
      stage.startHost();
      await refusesRetry(await stage.tab());
    });
  }

  it('can be retried in the other database if they do not depend on the content', async () => {
    await stage.replaceDatabase(['old'], 2);
    stage.startHost();
    const tab = await stage.tab();
    const doc = tab.get('lists', 'b');
    await doc.subscribe();
    stage.connection.close();
    await until('the tab knows', () => tab.state === 'closed');
    stage.refuses = true;
    const edits = [codeOf(doc.create(['mine'])), codeOf(doc.submitOp([{p: [1], li: 'more'}]))];
    await stage.replaceDatabase(['other'], 0);
    stage.backend.connect(stage.connection);
    expect(await Promise.all(edits)).to.include('ERR_FORBIDDEN');
    stage.refuses = false;
    for (const {id} of await tab.deadLetters.list()) await tab.deadLetters.retry(id);
    const client = stage.backend.connect().get('lists', 'b');
    await settled(done => client.fetch(done));
    expect(client.data).to.eql(['mine', 'more']);
  });

  it('can be retried while it is the same database', async () => {
    const {tab} = await refusedEdit();
    stage.connection.close();
    stage.backend.connect(stage.connection);
    await until('the host is connected', () => tab.state === 'connected');
    await stage.edit(1);
    for (const {id} of await tab.deadLetters.list()) await tab.deadLetters.retry(id);
    expect(await stage.data()).to.eql(['3', '2', 'mine', '1', 'old']);
  });
});
