import {expect} from 'chai';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {calm} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

describe('a document whose history the host does not know', () => {
  let stage: MirrorStage;
  let tab: ProxyConnection;
  let doc: ProxyDoc;

  beforeEach(async () => {
    stage = new MirrorStage();
    stage.startHost({mirror: false});
    await stage.create('a', {words: []});
    tab = stage.openTab().connection;
    doc = tab.get('notes', 'a');
    await settled(done => doc.fetch(done));
  });
  afterEach(() => stage.close());

  /** The host tells the tab that it does not know the history that the tab has followed. */
  function lose(): void {
    const {inc} = (doc as unknown as {position: {inc: number}}).position;
    tab.onMessage({a: 'doc.lost', c: 'notes', d: doc.id, inc});
  }

  it('is loaded again, also during a subscription, whose answer is of the lost history', async () => {
    doc = tab.get('notes', 'not there');
    await settled(done => doc.fetch(done));
    const subscribed = settled(done => doc.subscribe(done));
    lose();
    await subscribed;
    await stage.create('not there', {words: []});
    await until('it is here', () => !!doc.type);
  });

  it('sends no request after it was destroyed: a tab that opens it again meanwhile gets the host\'s answers', async () => {
    let answer: (() => void) | undefined;
    stage.backend.use('submit', (_context, next) => { answer = next; });
    const edit = settled(done => doc.submitOp([{p: ['words', 0], li: 'mine'}], {}, done)).then(() => undefined, (error: unknown) => error);
    await until('the server has the edit', () => !!answer);
    let next: ProxyDoc | undefined;
    let subscribed: Promise<unknown> | undefined;
    doc.destroy(() => {
      next = tab.get('notes', 'a');
      subscribed = settled(done => next!.subscribe(done));
    });
    // The document waits for its edit.
    await calm();
    lose();
    expect(await edit).to.have.property('code', 'ERR_TABS_OP_LOST');
    await until('it is opened anew', () => !!subscribed);
    await subscribed;
    expect(tab.get('notes', 'a')).to.equal(next);
    answer!();
    await until('the edit is in the data of the new one', () => next!.data.words.includes('mine') && !next!.hasPending());
  });
});
