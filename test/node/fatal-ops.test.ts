import {expect} from 'chai';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {HandClock} from '../waiting/hand-clock.js';
import {Line} from './line.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const MAX = 1000;
const NOTE = {words: [] as string[]};
type Note = ProxyDoc<typeof NOTE>;

describe('an op at which the server closes the connection', () => {
  let backend: Backend;
  let clock: HandClock;
  let line: Line;
  let host: Host;
  let tabs: [ProxyConnection, ProxyConnection];
  let storage: InMemoryStorage;

  function start(): void {
    const channel = memoryChannels();
    line = new Line(backend, clock);
    host = new Host({connection: line.connection, channel, clock, store: {storage}, warn: () => {}});
    tabs = [new ProxyConnection({channel, clock, warn: () => {}}), new ProxyConnection({channel, clock, warn: () => {}})];
  }

  beforeEach(() => {
    backend = new Backend({errorHandler: () => {}} as never);
    clock = new HandClock();
    storage = new InMemoryStorage();
    start();
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    backend.close();
  });

  async function open(id: string): Promise<[Note, Note]> {
    await clock.passUntil('it is created', tabs[0].get('notes', id).create(structuredClone(NOTE)));
    const docs = tabs.map(tab => tab.get<typeof NOTE>('notes', id)) as [Note, Note];
    await clock.passUntil('both have it', Promise.all(docs.map(doc => doc.subscribe())));
    return docs;
  }

  const write = (doc: Note, word: string): Promise<unknown> =>
    doc.submitOp([{p: ['words', 0], li: word}]).then(() => undefined, (error: unknown) => error);

  const big = (letter: string): string => letter.repeat(2 * MAX);

  it('because it is too large becomes a dead letter, and all other ops continue', async () => {
    const [doc, other] = await open('a');
    const [second] = await open('b');
    line.refuses = message => (message.length > MAX ? {code: 1009, reason: ''} : undefined);
    const began = clock.now();
    const tooLarge = write(doc, big('x'));
    const elsewhere = write(second, 'small');
    expect(await clock.passUntil('other documents go on', elsewhere)).to.equal(undefined);
    expect(clock.now() - began).to.be.below(2000);
    const error = await clock.passUntil('it is given up', tooLarge) as {code: string; message: string};
    expect(clock.now() - began).to.be.below(6000);
    expect(error.code).to.equal('ERR_TABS_OP_TOO_LARGE');
    expect(error.message).to.contain('1009').and.to.contain('notes.a').and.to.contain('deadLetters');
    expect(await clock.passUntil('the document goes on', write(other, 'after'))).to.equal(undefined);
    await clock.passSlowly(100);
    expect([doc.data.words, other.data.words]).to.eql([['after'], ['after']]);
    const letters = await clock.passUntil('letters', tabs[1].deadLetters.list());
    expect(letters.map(({collection, doc: id, error: {code}}) => [collection, id, code])).to.eql([['notes', 'a', 'ERR_TABS_OP_TOO_LARGE']]);
    const {sockets} = line;
    await clock.passSlowly(60_000);
    expect(line.sockets, 'it connects anew, again and again').to.equal(sockets);
  });

  it('that is one of two large ops, in two documents, does not affect others', async () => {
    const [doc] = await open('a');
    const [second] = await open('b');
    line.refuses = message => (message.length > MAX ? {code: 1009, reason: ''} : undefined);
    const errors = await clock.passUntil('both are given up', Promise.all([write(doc, big('x')), write(second, big('y'))]));
    expect(errors.map(error => (error as {code?: string}).code)).to.eql(['ERR_TABS_OP_TOO_LARGE', 'ERR_TABS_OP_TOO_LARGE']);
    expect(await clock.passUntil('both go on', Promise.all([write(doc, 'after'), write(second, 'after')]))).to.eql([undefined, undefined]);
  });

  it('because it crashes the server is found without a specific code', async () => {
    const [doc] = await open('a');
    const [second] = await open('b');
    line.refuses = message => (message.includes('poison') ? {code: 1006, reason: ''} : undefined);
    const poison = write(doc, `poison ${big('x')}`);
    const elsewhere = write(second, 'small');
    expect(await clock.passUntil('other documents go on', elsewhere)).to.equal(undefined);
    expect(await clock.passUntil('it is given up', poison)).to.include({code: 'ERR_TABS_OP_TOO_LARGE'});
    expect(await clock.passUntil('the document goes on', write(doc, 'after'))).to.equal(undefined);
  });

  it('is no dead letter if the network is unreliable', async () => {
    const [doc] = await open('a');
    let closed = 0;
    line.refuses = message => (message.includes('word') && closed++ < 4 ? {code: 1006, reason: ''} : undefined);
    expect(await clock.passUntil('it is acknowledged', write(doc, 'word'))).to.equal(undefined);
    expect(await clock.passUntil('letters', tabs[1].deadLetters.list())).to.eql([]);
  });

  for (const code of [4401, 1001, 1012]) {
    it(`is no dead letter if the server closes with ${code}, for any number of times`, async () => {
      const [doc] = await open('a');
      let closed = 0;
      line.refuses = message => (message.includes('word') && closed++ < 12 ? {code, reason: 'token expired'} : undefined);
      expect(await clock.passUntil('it is acknowledged', write(doc, 'word'))).to.equal(undefined);
    });
  }

  it('of an earlier host is found by the next one', async () => {
    const [doc] = await open('a');
    line.connection.close();
    void write(doc, big('x'));
    await clock.passSlowly(1000);
    for (const tab of tabs) tab.close();
    host.close();
    await clock.passSlowly(100);
    start();
    line.refuses = message => (message.length > MAX ? {code: 1009, reason: ''} : undefined);
    await clock.passSlowly(10_000);
    const letters = await clock.passUntil('letters', tabs[1].deadLetters.list());
    expect(letters.map(({error: {code}}) => code)).to.eql(['ERR_TABS_OP_TOO_LARGE']);
    const fresh = tabs[0].get<typeof NOTE>('notes', 'a');
    await clock.passUntil('it opens', fresh.subscribe());
    expect(await clock.passUntil('it goes on', write(fresh, 'after'))).to.equal(undefined);
    expect(fresh.data.words).to.eql(['after']);
  });

  it('is reported to the tabs with code and reason', async () => {
    const [doc] = await open('a');
    const reasons: unknown[] = [];
    tabs[1].on('disconnected' as never, ((reason: unknown) => reasons.push(reason)) as never);
    line.refuses = message => (message.includes('word') && !reasons.length ? {code: 4401, reason: 'token expired'} : undefined);
    await clock.passUntil('it is acknowledged', write(doc, 'word'));
    expect(reasons).to.eql([{code: 4401, reason: 'token expired'}]);
  });
});
