import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {cpuTime} from '../waiting/cpu-time.js';
import {until} from '../waiting/until.js';

const KEYS = 1000;

type Data = Record<string, string>;

describe('a json0 document with many keys', () => {
  const closing: (() => void)[] = [];
  let tabs: ProxyDoc<Data>[];
  let remote: {data: Data};

  beforeEach(async () => {
    const backend = new Backend();
    const channel = memoryChannels();
    const host = new Host({connection: backend.connect(), channel, warn: () => {}});
    const connections = [0, 1].map(() => new ProxyConnection({channel, warn: () => {}}));
    closing.push(() => host.close(), ...connections.map(connection => () => connection.close()));
    tabs = connections.map(connection => connection.get<Data>('c', 'd'));
    await tabs[0]!.create({});
    await Promise.all(tabs.map(doc => doc.subscribe()));
    const doc = backend.connect().get('c', 'd');
    doc.subscribe();
    remote = doc;
  });

  afterEach(() => { for (const close of closing.splice(0)) close(); });

  const isEverywhere = (key: string, value?: string): boolean =>
    [...tabs, remote].every(doc => doc.data && key in doc.data && (value === undefined || doc.data[key] === value));

  it('handles two tabs that set all keys at once, without blocking', async () => {
    const start = cpuTime();
    const written = tabs.map((doc, tab) => doc.submitOp(Array.from({length: KEYS}, (_, i) => ({p: [`key ${i}`], oi: `tab ${tab}`}))));
    await Promise.all(written);
    await until('the last key is everywhere', () => isEverywhere(`key ${KEYS - 1}`));
    const took = cpuTime() - start;
    expect(tabs[0]!.data).to.eql(tabs[1]!.data);
    await until('the first key is everywhere', () => isEverywhere('key 0', tabs[0]!.data['key 0']));
    expect(remote.data).to.eql(tabs[0]!.data);
    // If all pairs of components are transformed, this takes 10 s.
    expect(took).to.be.below(2500);
  });

  it('handles an op for each key in one turn, without blocking', async () => {
    const start = cpuTime();
    const [doc] = tabs as [ProxyDoc<Data>];
    const ops = 3 * KEYS;
    await Promise.all(Array.from({length: ops}, (_, i) => doc.submitOp([{p: [`key ${i}`], oi: 'here'}])));
    await until('the last key is everywhere', () => isEverywhere(`key ${ops - 1}`));
    const took = cpuTime() - start;
    expect(Object.keys(remote.data).length).to.equal(ops);
    // If each composition copies all components, this takes 3 to 8 s.
    expect(took).to.be.below(2500);
  });

  it('emits the components of an op of another tab one by one, as ShareDB does', async () => {
    const [mine, theirs] = tabs as [ProxyDoc<Data>, ProxyDoc<Data>];
    const heard: unknown[] = [];
    theirs.on('op', op => heard.push(op));
    await mine.submitOp([{p: ['a'], oi: '1'}, {p: ['b'], oi: '2'}]);
    await until('it is everywhere', () => isEverywhere('b'));
    expect(heard).to.eql([[{p: ['a'], oi: '1'}], [{p: ['b'], oi: '2'}]]);
    expect(theirs.type!.name).to.equal('json0');
  });
});
