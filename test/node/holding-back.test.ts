import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

interface Note {
  list: number[];
}

describe('a tab that makes ops faster than the server answers', () => {
  let host: Host;
  let tabs: ProxyConnection[];
  let docs: ProxyDoc<Note>[];
  let answer: (() => void) | undefined;
  /** The number of ops that the host has received. */
  let ops: number;

  beforeEach(async () => {
    const backend = new Backend();
    let isOpen = true;
    let held: (() => void)[] = [];
    backend.use('submit', (_context, next) => {
      if (isOpen) next();
      else held.push(next);
    });
    const channel = memoryChannels();
    host = new Host({connection: backend.connect(), channel});
    tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
    docs = tabs.map(tab => tab.get<Note>('notes', 'one'));
    await docs[0]!.create({list: []});
    await docs[1]!.subscribe();
    ops = 0;
    tabs[0]!.on('send', message => { if ((message as {a: string}).a === 'op') ops++; });
    isOpen = false;
    answer = () => {
      isOpen = true;
      for (const next of held.splice(0)) next();
      held = [];
    };
  });
  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
  });

  async function push(count: number): Promise<void> {
    const [doc] = docs;
    for (let i = 0; i < count; i++) {
      const at = doc!.data.list.length;
      void doc!.submitOp({p: ['list', at], li: at});
      await new Promise(resolve => setImmediate(resolve));
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  it('composes ops that would otherwise wait in the host, and the other tab shows them', async () => {
    await push(200);
    await until('the other tab has all', () => docs[1]!.data.list.length === 200);
    expect(ops).to.be.below(40);
    answer!();
    await docs[0]!.whenNothingPending();
    expect(docs[1]!.data).to.eql(docs[0]!.data);
    expect(host.inspect().pendingOps).to.equal(0);
  });

  it('holds back no ops that can\'t be composed', async () => {
    docs[0]!.preventCompose = true;
    await push(60);
    await until('the other tab has all', () => docs[1]!.data.list.length === 60);
    expect(ops).to.equal(60);
    answer!();
  });

  it('sends the ops that were held back as soon as the server answers', async () => {
    await push(30);
    answer!();
    await docs[0]!.whenNothingPending();
    expect(docs[0]!.data.list).to.have.length(30);
  });

  it('holds nothing back if there is no server', async () => {
    (host as unknown as {connection: {close(): void}}).connection.close();
    await until('the tab knows it', () => tabs[0]!.state !== 'connected');
    await push(60);
    await until('the other tab has all', () => docs[1]!.data.list.length === 60);
    expect(ops).to.be.above(40);
    answer!();
  });
});
