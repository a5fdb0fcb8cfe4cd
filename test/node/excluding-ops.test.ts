import {expect} from 'chai';
import {type as json1} from 'ot-json1';
import Backend from 'sharedb';
import type {Connection} from 'sharedb/lib/client/index.js';
import { logger, types, type Doc} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

types.register(json1 as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

type Op = readonly unknown[];

/** Pairs of edits over which json1 does not transform each other. */
const pairs: Record<string, {mine: Op; theirs: Op}> = {
  'an edit inside of what the other one removes': {mine: ['a', 'y', {i: 'mine'}], theirs: ['a', {r: true}]},
  'a removal of what the other one inserts in': {mine: ['a', {r: true}], theirs: ['a', 'y', {i: 'theirs'}]},
  'insertions at one key': {mine: ['k', {i: 'mine'}], theirs: ['k', {i: 'theirs'}]}
};

describe('edits that exclude each other', () => {
  let backend: Backend;
  let real: Connection;
  let host: Host;
  let tabs: ProxyConnection[];
  let remote: Doc;
  let errors: unknown[];
  /** Ops on their way to the server, while they are held back. */
  let held: (() => void)[] | undefined;

  beforeEach(async () => {
    held = undefined;
    errors = [];
    backend = new Backend();
    backend.use('submit', (_context, next) => { if (held) held.push(next); else next(); });
    real = backend.connect() as unknown as Connection;
    const channel = memoryChannels();
    host = new Host({connection: real as never, channel, store: false, warn: () => {}});
    remote = backend.connect().get('notes', 'a');
    await settled(done => remote.create({a: {x: 1}}, json1.uri, done));
    tabs = [0, 1].map(() => new ProxyConnection({channel, warn: () => {}}));
    for (const tab of tabs) tab.on('error', error => errors.push(error));
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    real.close();
  });

  async function open(): Promise<[ProxyDoc, ProxyDoc]> {
    const docs = tabs.map(tab => tab.get('notes', 'a')) as [ProxyDoc, ProxyDoc];
    for (const doc of docs) {
      doc.on('error', error => errors.push(error));
      await doc.subscribe();
    }
    return docs;
  }

  const codeOf = (edit: PromiseLike<unknown>): Promise<string | undefined> =>
    Promise.resolve(edit.then(() => undefined, (error: {code?: string; message: string}) => error.code ?? error.message));

  /** All show what the server has, now and after one more edit of each, and nothing was told but by callbacks and letters. */
  async function agree(docs: ProxyDoc[], lost: Op[]): Promise<void> {
    const shown = async (): Promise<boolean> => {
      await settled(done => remote.fetch(done));
      return docs.every(doc => doc.version === remote.version && JSON.stringify(doc.data) === JSON.stringify(remote.data));
    };
    await until('all show what the server has', shown);
    for (const [i, doc] of docs.entries()) await doc.submitOp([`later ${i}`, {i: true}]);
    await until('all show what the server has', shown);
    const letters = await tabs[0]!.deadLetters.list();
    expect(letters.map(({step, error}) => [step.op, error.code])).to.eql(lost.map(op => [op, 'ERR_OT_OP_NOT_APPLIED']));
    expect(errors).to.eql([]);
  }

  for (const [what, {mine, theirs}] of Object.entries(pairs)) {
    it(`lead all to the server's state, with the later edit as a dead letter: ${what}, of two tabs`, async () => {
      const docs = await open();
      const first = codeOf(docs[1].submitOp(theirs));
      expect(await codeOf(docs[0].submitOp(mine))).to.equal('ERR_OT_OP_NOT_APPLIED');
      expect(await first).to.equal(undefined);
      await agree(docs, [mine]);
    });

    it(`lead all to the server's state, with the later edit as a dead letter: ${what}, of a tab and another client`, async () => {
      const docs = await open();
      await settled(done => remote.fetch(done));
      const first = settled(done => remote.submitOp(theirs as never, {}, done));
      expect(await codeOf(docs[0].submitOp(mine))).to.equal('ERR_OT_OP_NOT_APPLIED');
      await first;
      await agree(docs, [mine]);
    });

    it(`lead all to the server's state, with the later edit as a dead letter: ${what}, made without a connection`, async () => {
      const docs = await open();
      real.close();
      await until('the tab knows', () => tabs[0]!.state === 'closed');
      const edit = codeOf(docs[0].submitOp(mine));
      await until('the host has it', () => host.inspect().pendingOps === 1);
      await settled(done => remote.fetch(done));
      await settled(done => remote.submitOp(theirs as never, {}, done));
      backend.connect(real);
      expect(await edit).to.equal('ERR_OT_OP_NOT_APPLIED');
      await agree(docs, [mine]);
    });
  }

  it('lose no edit that was in flight and is saved: its dead letter is deleted', async () => {
    const docs = await open();
    held = [];
    const edits = [codeOf(docs[0].submitOp(['b', {i: 1}]))];
    await until('it is under way', () => held!.length === 1);
    edits.push(codeOf(docs[0].submitOp(['a', 'y', {i: 'mine'}])));
    await until('the host has the other one', () => host.inspect().pendingOps === 2);
    const [underWay] = held;
    held = undefined;
    await settled(done => remote.fetch(done));
    await settled(done => remote.submitOp(['a', {r: true}] as never, {}, done));
    expect(await Promise.all(edits)).to.eql(['ERR_OT_OP_NOT_APPLIED', 'ERR_OT_OP_NOT_APPLIED']);
    underWay!();
    await until('the server has it', async () => {
      await settled(done => remote.fetch(done));
      return (remote.data as {b?: number}).b === 1;
    });
    await until('only the other one is a dead letter', async () => (await tabs[0]!.deadLetters.list()).length === 1);
    await agree(docs, [['a', 'y', {i: 'mine'}]]);
  });

  it('leave every edit of a tab either saved or as a dead letter', async () => {
    const docs = await open();
    const first = codeOf(docs[1].submitOp(['a', {r: true}]));
    docs[0].preventCompose = true;
    const mine = [['b', {i: 1}], ['a', 'y', {i: 'mine'}], ['c', {i: 2}]];
    await Promise.all(mine.map(op => codeOf(docs[0].submitOp(op))));
    await first;
    await settled(done => remote.fetch(done));
    const {b, c} = remote.data as {b?: number; c?: number};
    await agree(docs, mine.filter((_op, i) => [b, undefined, c][i] === undefined));
  });
});
