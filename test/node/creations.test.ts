import {expect} from 'chai';
import type {ProxyDoc} from '../../lib/index.js';
import {calm} from '../store/clock.js';
import {refused} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {MirrorStage, type StagedTab} from './mirror-stage.js';

describe('a document that was being created when its host was lost', () => {
  let stage: MirrorStage;
  let tab: StagedTab;
  let doc: ProxyDoc;

  beforeEach(async () => {
    stage = new MirrorStage();
    stage.startHost({mirror: false});
    tab = stage.openTab();
    doc = tab.connection.get('notes', 'a');
    await doc.subscribe();
    expect([doc.type, doc.version]).to.eql([null, 0]);
  });
  afterEach(() => stage.close());

  /** Replaces the host. The next one has no state. */
  async function replaceHost(): Promise<void> {
    stage.killHost();
    await calm();
    stage.startHost({mirror: false});
  }

  /** The server takes no op until the returned function is called; what it got before that is lost. */
  function holdOps(): () => void {
    let isHolding = true;
    stage.backend.use('submit', (_request, next) => { if (!isHolding) next(); });
    return () => { isHolding = false; };
  }

  it('is created with the next host', async () => {
    stage.hostProcess.freeze();
    const creation = doc.create({words: ['one']});
    await calm();
    await replaceHost();
    await creation;
    expect(await stage.server('a')).to.eql({words: ['one']});
    expect([doc.data, doc.version]).to.eql([{words: ['one']}, 1]);
  });

  it('is created with the ops made on it, and followed', async () => {
    stage.hostProcess.freeze();
    doc.preventCompose = true;
    const made = [doc.create({words: []}), doc.submitOp([{p: ['words', 0], li: 'one'}]), doc.submitOp([{p: ['words', 1], li: 'two'}])];
    await calm();
    await replaceHost();
    await Promise.all(made);
    expect(await stage.server('a')).to.eql({words: ['one', 'two']});
    const other = stage.openTab().connection.get('notes', 'a');
    await other.fetch();
    await other.submitOp([{p: ['words', 2], li: 'three'}]);
    await until('the edit is there', () => (doc.data as {words: string[]}).words.length === 3);
    expect(doc.version).to.equal(4);
  });

  it('is shown without the ops of another tab if that tab has ended, too', async () => {
    const answer = holdOps();
    doc.preventCompose = true;
    const made = [doc.create({words: []}), doc.submitOp([{p: ['words', 0], li: 'one'}])];
    const other = stage.openTab();
    const others = other.connection.get('notes', 'a');
    await others.subscribe();
    others.submitOp([{p: ['words', 1], li: 'two'}], () => {});
    const words = (): string[] => (doc.data as {words: string[]}).words;
    await until('the other tab\'s edit is there', () => words().length === 2);
    let loads = 0;
    doc.on('load', () => { loads++; });
    stage.killTab(other);
    answer();
    await replaceHost();
    await Promise.all(made);
    expect(await stage.server('a')).to.eql({words: ['one']});
    expect(words()).to.eql(['one']);
    expect(loads).to.equal(1);
  });

  it('is lost, with an error, if the ops made on it need lost ops', async () => {
    const answer = holdOps();
    doc.preventCompose = true;
    const creation = refused(done => doc.create({words: []}, done));
    const other = stage.openTab();
    const others = other.connection.get('notes', 'a');
    await others.subscribe();
    others.submitOp([{p: ['by'], oi: {}}], () => {});
    await until('the other tab\'s edit is there', () => 'by' in (doc.data as object));
    const edit = refused(done => doc.submitOp([{p: ['by', 'me'], oi: 1}], undefined, done));
    await until('the host has all', () => !doc.hasUnsent);
    stage.killTab(other);
    answer();
    await replaceHost();
    expect([(await creation).code, (await edit).code]).to.eql(['ERR_TABS_OP_LOST', 'ERR_TABS_OP_LOST']);
    await until('what the server has is shown', () => doc.data === undefined);
  });

  it('is the document that another client has created meanwhile', async () => {
    stage.hostProcess.freeze();
    const creation = refused(done => doc.create({words: ['mine']}, done));
    await calm();
    await stage.create('a', {words: ['theirs']});
    await replaceHost();
    expect((await creation).code).to.equal('ERR_DOC_ALREADY_CREATED');
    await until('it is shown', () => (doc.data as {words: string[]} | undefined)?.words[0] === 'theirs');
    expect(await stage.server('a')).to.eql({words: ['theirs']});
  });
});
