import {expect} from 'chai';
import {hostCode} from '../../lib/election/host-code.js';
import {PROTOCOL_VERSION, greetingChannelName} from '../../lib/protocol/version.js';
import {eventually} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {TabModesStage, type OpenedTab} from './tab-modes-stage.js';

describe('a tab that had to connect directly', () => {
  let stage: TabModesStage;

  beforeEach(() => { stage = new TabModesStage(); });
  afterEach(() => stage.close());

  const lastMode = ({modes}: OpenedTab): string => modes.at(-1)!.split(':')[0]!;

  /** The code for elections can't be loaded. The code for a direct connection can. */
  async function openDirect(): Promise<OpenedTab> {
    const {electedTab} = hostCode;
    hostCode.electedTab = () => Promise.reject(new TypeError('Failed to fetch'));
    stage.loseWelcomes(true);
    const tab = stage.open();
    await eventually('it connects directly', () => tab.connection.mode === 'direct' && tab.connection.hostState === 'connected');
    hostCode.electedTab = electedTab;
    stage.loseWelcomes(false);
    return tab;
  }

  it('returns to a shared host when another tab has one, and keeps all documents', async () => {
    const tab = await openDirect();
    expect(await stage.edit(tab)).to.eql({n: 1});
    const doc = tab.connection.get('docs', 'one');
    const other = stage.open();
    await stage.settle();
    expect([lastMode(other), lastMode(tab)]).to.eql(['elected-tab', 'elected-tab']);
    await eventually('it has a host', () => tab.connection.hostState === 'connected');
    expect(await stage.edit(other)).to.eql({n: 2});
    await eventually('it hears of it', () => (doc.data as {n: number}).n === 2);
    expect(await stage.edit(tab)).to.eql({n: 3});
    expect(tab.errors).to.eql([]);
    // It is one of the tabs that become host one after the other.
    stage.kill(other);
    await stage.settle();
    expect(await stage.edit(tab)).to.eql({n: 4});
  });

  it('stays until nothing waits for the server', async () => {
    const tab = await openDirect();
    await stage.edit(tab);
    let answer = (): void => {};
    stage.backend.use('submit', (_context, next) => { answer = () => next(); });
    const doc = tab.connection.get('docs', 'one');
    const saved = settled(done => doc.submitOp([{p: ['n'], na: 10}], {}, done));
    await stage.settle();
    const other = stage.open();
    await stage.pass(20_000, 500);
    expect(lastMode(tab)).to.equal('direct');
    answer();
    await saved;
    await stage.pass(6000, 500);
    expect(lastMode(tab)).to.equal('elected-tab');
    await settled(done => other.connection.get('docs', 'one').fetch(done));
    expect(other.connection.get('docs', 'one').data).to.eql({n: 11});
  });

  it('stays while it has local documents, of which there is no other copy', async () => {
    const tab = await openDirect();
    const doc = tab.connection.get('local:ui', 'settings');
    await settled(done => doc.create({theme: 'dark'}, done));
    stage.open();
    await stage.pass(30_000, 500);
    expect([lastMode(tab), doc.data]).to.eql(['direct', {theme: 'dark'}]);
  });

  it('finds a host that was there before, when the network is back', async () => {
    const other = stage.open();
    await stage.settle();
    await stage.edit(other);
    const tab = await openDirect();
    expect(lastMode(tab)).to.equal('direct');
    stage.goOnline();
    await stage.settle();
    await eventually('it has a host', () => tab.connection.hostState === 'connected');
    expect(lastMode(tab)).to.equal('elected-tab');
    expect(await stage.edit(tab)).to.eql({n: 2});
  });

  it('tries less often if announced hosts do not answer, and loses nothing', async () => {
    const tab = await openDirect();
    await stage.edit(tab);
    const greetings = tab.process.channel(greetingChannelName('default'));
    const announce = (): void => greetings.postMessage({type: 'here', protocol: PROTOCOL_VERSION, epoch: 'nobody', generation: 1});
    hostCode.electedTab = () => Promise.reject(new TypeError('Failed to fetch'));
    for (let i = 0; i < 60; i++) {
      announce();
      await stage.pass(1000, 500);
    }
    const {length} = tab.modes;
    expect(length, 'the first time at once, the second after half a minute').to.be.within(2, 3);
    expect(lastMode(tab)).to.equal('direct');
    expect(await stage.edit(tab)).to.eql({n: 2});
    greetings.close();
  });
});
