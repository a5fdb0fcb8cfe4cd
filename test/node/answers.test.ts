import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {Answers, type Question} from '../../lib/host/answers.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/worker.js';
import {until} from '../waiting/until.js';

const question = (d: string, own: Partial<Question> = {}): Question => ({a: 's', c: 'notes', d, inc: 1, ...own});
const state = (data: unknown): string => JSON.stringify({v: 1, type: null, data, rev: 1});

describe('answers that follow each other', () => {
  let sent: {message: any; atOnce: boolean}[];
  let answers: Answers;

  beforeEach(() => {
    sent = [];
    answers = new Answers((message, atOnce) => sent.push({message: JSON.parse(message), atOnce}));
  });

  const actions = (): unknown[] => {
    answers.flush();
    return sent.map(({message: {a, c, d, data}}) => [a, c, d ?? Object.keys(data as object).join()]);
  };

  it('are one message, each with its incarnation', () => {
    answers.add(question('one'), state('1'));
    answers.add(question('two', {inc: 2}), state('2'));
    answers.flush();
    expect(sent).to.eql([{atOnce: false, message: {a: 'bs', c: 'notes', data: {
      one: {inc: 1, v: 1, type: null, data: '1', rev: 1},
      two: {inc: 2, v: 1, type: null, data: '2', rev: 1}
    }}}]);
  });

  it('are a plain answer if there is only one', () => {
    answers.add(question('one'), state('1'));
    answers.flush();
    answers.flush();
    expect(sent.map(({message}) => message as unknown)).to.eql([{...question('one'), data: {v: 1, type: null, data: '1', rev: 1}}]);
  });

  it('of another kind, or of another collection, are another message', () => {
    for (const own of [{}, {a: 'f'}, {c: 'others'}, {}] as const) for (const d of ['one', 'two']) answers.add(question(d, own), state(d));
    expect(actions()).to.eql([['bs', 'notes', 'one,two'], ['bf', 'notes', 'one,two'], ['bs', 'others', 'one,two'], ['bs', 'notes', 'one,two']]);
  });

  it('to the same request twice are two messages', () => {
    for (const d of ['one', 'two', 'one']) answers.add(question(d), state(d));
    expect(actions()).to.eql([['bs', 'notes', 'one,two'], ['s', 'notes', 'one']]);
  });

  it('are sent at once when they are long', () => {
    for (const d of ['one', 'two', 'three']) answers.add(question(d), state('x'.repeat(640_000)));
    expect(actions()).to.eql([['bs', 'notes', 'one,two'], ['s', 'notes', 'three']]);
    expect(sent.map(({atOnce}) => atOnce)).to.eql([true, false]);
  });
});

describe('a tab that requests many documents', () => {
  const closing: (() => void)[] = [];
  const ids = ['one', 'two', '3'];
  let backend: Backend;
  let channel: ReturnType<typeof memoryChannels>;
  let storage: InMemoryStorage;

  beforeEach(() => {
    backend = new Backend({errorHandler: () => {}} as never);
    channel = memoryChannels();
    storage = new InMemoryStorage();
  });

  afterEach(() => { for (const close of closing.splice(0)) close(); });

  function startHost(connection: unknown = backend.connect()): Host {
    const host = new Host({connection, channel, store: {storage}, warn: () => {}});
    closing.push(() => host.close());
    return host;
  }

  /** Opens a tab and records the answers that it gets. */
  function openTab(): {tab: ProxyConnection; answers: any[]} {
    const tab = new ProxyConnection({channel});
    closing.push(() => tab.close());
    const answers: any[] = [];
    tab.on('receive', ({data}) => { if (/^b?[fs]$/.test((data as {a: string}).a)) answers.push(data); });
    return {tab, answers};
  }

  async function fill(tab: ProxyConnection): Promise<void> {
    await Promise.all(ids.map(id => tab.get('notes', id).create({id})));
    await Promise.all(ids.map(id => tab.get('notes', id).subscribe()));
    await tab.flushWrites();
  }

  it('gets them in one message if another tab has them', async () => {
    startHost();
    await fill(openTab().tab);
    const {tab, answers} = openTab();
    const docs = await tab.getBulk('notes', ids);
    expect(docs.map(({data}) => data as unknown)).to.eql(ids.map(id => ({id})));
    expect(answers.map(({a}) => a as unknown)).to.eql(['bf']);
  });

  async function restart(connection?: Connection): Promise<ReturnType<typeof openTab>> {
    const first = startHost();
    await fill(openTab().tab);
    first.close();
    await first.whenClosed;
    channel = memoryChannels();
    startHost(connection);
    return openTab();
  }

  it('gets them in one message from the store, without a server', async () => {
    const {tab, answers} = await restart(new Connection({readyState: 0, send() {}, close() {}} as never));
    const docs = await tab.getBulk('notes', ids);
    expect(docs.map(({data}) => data as unknown)).to.eql(ids.map(id => ({id})));
    expect(answers.map(({a}) => a as unknown)).to.eql(['bf']);
  });

  it('makes the host ask the server once, even if the store has them', async () => {
    const {tab} = await restart();
    await until('the server is there', () => tab.state === 'connected');
    const asked: string[] = [];
    backend.use('receive', ({data}, next) => {
      asked.push((data as {a: string}).a);
      next();
    });
    await tab.getBulk('notes', ids);
    expect(asked.filter(a => a !== 'hs')).to.eql(['bf']);
  });

  it('gets the others, and an error event, if a listener throws', async () => {
    startHost();
    await fill(openTab().tab);
    const {tab} = openTab();
    const errors: unknown[] = [];
    tab.on('error', error => errors.push(error.message));
    const [one, ...others] = ids.map(id => tab.get('notes', id));
    one!.on('load', () => { throw new Error('of the app'); });
    tab.startBulk();
    one!.fetch(() => {});
    const fetched = others.map(doc => doc.fetch());
    tab.endBulk();
    await Promise.all(fetched);
    await new Promise(resolve => setImmediate(resolve));
    expect(others.map(({data}) => data as unknown)).to.eql([{id: 'two'}, {id: '3'}]);
    expect(errors).to.eql(['of the app']);
  });

  it('gets errors of a subscription only in its callback', async () => {
    startHost();
    backend.use('readSnapshots', (_context, next) => next(new Error('not for you')));
    const {tab} = openTab();
    const errors: unknown[] = [];
    const docs = ids.map(id => tab.get('notes', id));
    for (const doc of docs) doc.on('error', error => errors.push(error.message));
    const told = await Promise.all(docs.map(doc => new Promise(resolve => doc.subscribe(error => resolve(error.message)))));
    await new Promise(resolve => setTimeout(resolve, 20));
    expect([told, errors]).to.eql([ids.map(() => 'not for you'), []]);
  });
});
