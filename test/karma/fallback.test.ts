import {expect} from 'chai';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import type {TabConnection} from './connect.js';
import {sockets} from './server-control.js';
import {plain, KarmaStage} from './stage.js';

/** No way to a host is given up for a step that takes long on a busy machine. */
const hostTimeout = 10_000;
/** Longer than a test may take: a mode that is reached does not wait for it. */
const endless = 600_000;

describe('without a SharedWorker', () => {
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  async function expectWorkingDocument(connection: TabConnection): Promise<void> {
    const doc = await stage.subscribe(connection);
    await settled(done => doc.create({text: 'direct'}, done));
    expect(plain(await stage.fetchFromServer())).to.eql({text: 'direct'});
    const remote = await stage.subscribe(stage.remote());
    await settled(done => remote.submitOp([{p: ['text', 6], si: '!'}], {}, done));
    await until("the tab shows someone else's edit", () => doc.data.text === 'direct!');
    expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
  }

  for (const [worker, title] of [
    ['missing', 'a worker script that does not exist'],
    ['throwing', 'a worker script that throws']
  ] as const) {
    it(`${title} makes a tab the host, with a reason`, async () => {
      const tab = await stage.openFrame({worker, hostTimeout});
      const {mode, reason} = await tab.mode;
      expect(mode).to.equal('elected-tab');
      expect(reason).to.be.a('string').and.not.equal('');
      expect(tab.connection.mode).to.equal('elected-tab');
      await expectWorkingDocument(tab.connection);
    });
  }

  for (const [worker, says] of [
    ['missing', /no-such-worker\.js answers with status 404/],
    ['failing', /this worker does not get to its host.*:\d+/],
    ['forgetful', /did not call startHost\(\)/],
    ['empty', /does not call startHost\(\)/]
  ] as const) {
    it(`one warning says why the worker is not used, and what to do: ${worker}`, async () => {
      const warnings: string[] = [];
      const tab = await stage.openFrame({worker, hostTimeout: endless, warn: message => warnings.push(message)});
      expect(await tab.mode).to.include({mode: 'elected-tab'});
      await expectWorkingDocument(tab.connection);
      await until('it was told', () => warnings.length > 0);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(says).and.to.include('sharedb-tabs/docs/errors.md#warn_tabs_worker');
    });
  }

  for (const [without, mode] of [[[], 'elected-tab'], [['locks'], 'direct']] as const) {
    it(`a worker that the page may not start, ${without.length ? `and no ${without.join()}, ` : ''}leads to '${mode}' at once, with one host`, async () => {
      const tab = await stage.openFrame({worker: 'forbidden', without: [...without], hostTimeout});
      expect(await tab.mode).to.include({mode});
      const states: unknown[] = [];
      tab.connection.on('hostState', state => states.push(state));
      await expectWorkingDocument(tab.connection);
      await tab.connection.flushWrites();
      expect([tab.connection.hostState, states.includes('lost')]).to.eql(['connected', false]);
    });
  }

  it('useSharedWorker: false makes the connection direct', async () => {
    const {connection} = await stage.openFrame({useSharedWorker: false});
    await expectWorkingDocument(connection);
    expect(connection.mode).to.equal('direct');
  });

  it('a document that is requested before the mode is known arrives', async () => {
    const {connection} = await stage.openFrame({worker: 'missing', hostTimeout});
    const doc = await stage.subscribe(connection);
    expect(connection.mode).to.equal('elected-tab');
    expect(doc.subscribed).to.equal(true);
  });

  it('two direct tabs of one namespace see each other through the server', async () => {
    const tabs = [await stage.openFrame({useSharedWorker: false}), await stage.openFrame({useSharedWorker: false})];
    const [first, second] = [await stage.subscribe(tabs[0]!.connection), await stage.subscribe(tabs[1]!.connection)];
    await settled(done => first.create({list: []}, done));
    await until('the second tab has the document', () => second.data !== undefined);
    await settled(done => second.submitOp([{p: ['list', 0], li: 'second'}], {}, done));
    await settled(done => first.submitOp([{p: ['list', 0], li: 'first'}], {}, done));
    await until('both show both edits', () => [first, second].every(({data}) => data.list.length === 2));
    expect(plain(first)).to.eql(plain(second));
    expect(await sockets(stage.path)).to.eql({open: 2, total: 2});
  });

  it('a direct tab and tabs of a worker see each other through the server', async () => {
    const shared = await stage.openFrame();
    const direct = await stage.openFrame({useSharedWorker: false});
    const [first, second] = [await stage.subscribe(shared.connection), await stage.subscribe(direct.connection)];
    expect([shared.connection.mode, direct.connection.mode]).to.eql(['shared-worker', 'direct']);
    await settled(done => first.create({list: []}, done));
    await until('the direct tab has the document', () => second.data !== undefined);
    await settled(done => second.submitOp([{p: ['list', 0], li: 'direct'}], {}, done));
    await until("the worker's tab shows it", () => first.data.list.length === 1);
    expect(await sockets(stage.path)).to.eql({open: 2, total: 2});
  });
});
