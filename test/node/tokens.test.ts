import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {HandClock} from '../waiting/hand-clock.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';

describe('a host that needs a token', () => {
  const channel = memoryChannels();
  let clock: HandClock;
  let host: Host;
  let tabs: ProxyConnection[];
  const warnings: string[] = [];

  beforeEach(() => {
    clock = new HandClock();
    host = new Host({connection: new Backend().connect(), channel, clock, store: false, warn: (message, detail) => warnings.push(`${message} ${String(detail)}`)});
    tabs = [];
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    warnings.length = 0;
  });

  async function open(getToken?: () => string | Promise<string>, visible = true): Promise<ProxyConnection> {
    const tab = new ProxyConnection({channel, clock, ...(getToken && {getToken})});
    tabs.push(tab);
    tab.hostClient.setVisible(visible);
    await until('the tab is connected', () => tab.hostState === 'connected');
    await new Promise(resolve => setImmediate(resolve));
    clock.pass(10);
    return tab;
  }

  async function failure(token: Promise<string>): Promise<{code: string; message: string}> {
    return token.then(() => expect.fail('there was a token'), (error: {code: string; message: string}) => error);
  }

  it('warns once of a getToken that fails, and again after it has served', async () => {
    let works = false;
    await open(() => {
      if (works) return 'a token';
      throw new Error('signed out');
    });
    const told = (): number => warnings.filter(text => text.includes('WARN_TABS_NO_TOKEN')).length;
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await failure(host.token())).to.include({code: 'ERR_TABS_NO_TOKEN', message: 'No tab gave a token: signed out'});
    }
    expect(told()).to.equal(1);
    works = true;
    await host.token();
    works = false;
    await failure(host.token());
    expect(told()).to.equal(2);
  });

  it('asks the visible tab before newer ones', async () => {
    await open(() => 'of the visible');
    await open(() => 'of the newer', false);
    expect(await host.token()).to.equal('of the visible');
  });

  it('asks the newest of those that are hidden', async () => {
    await open(() => 'of the older', false);
    await open(() => Promise.resolve('of the newer'), false);
    expect(await host.token()).to.equal('of the newer');
  });

  it('asks a tab that became visible', async () => {
    const older = await open(() => 'of the older', false);
    await open(() => 'of the newer', false);
    older.hostClient.setVisible(true);
    await calm();
    expect(await host.token()).to.equal('of the older');
  });

  it('asks the next tab if one fails, and another if that one returns no string', async () => {
    await open(() => 'of the last');
    await open(() => 5 as never);
    await open(() => { throw new Error('not signed in'); });
    expect(await host.token()).to.equal('of the last');
  });

  it('asks the next tab if one does not answer in time', async () => {
    await open(() => 'of the other');
    await open(() => new Promise(() => {}));
    const token = host.token();
    await calm();
    clock.pass(5000);
    expect(await token).to.equal('of the other');
  });

  it('asks the next tab a quarter of a second later, and the visible one within a second of four frozen ones', async () => {
    const asked: string[] = [];
    await open(() => { asked.push('visible'); return 'of the visible'; });
    for (let i = 1; i <= 4; i++) {
      // Frozen tabs can't tell that they are hidden.
      await open(() => { asked.push(`frozen ${i}`); return new Promise(() => {}); });
    }
    const token = host.token();
    const isAsked = (count: number): Promise<void> => until(`${count} are asked`, () => asked.length === count);
    for (let count = 1; count <= 4; count++) {
      await isAsked(count);
      clock.pass(249);
      await calm();
      expect(asked.length).to.equal(count);
      clock.pass(1);
    }
    expect(await token).to.equal('of the visible');
    expect(asked).to.eql(['frozen 4', 'frozen 3', 'frozen 2', 'frozen 1', 'visible']);
  });

  it('uses the answer of a slow tab, if it is the first', async () => {
    let answer: (token: string) => void = () => {};
    await open(() => new Promise(() => {}));
    await open(() => new Promise(resolve => { answer = resolve; }));
    const token = host.token();
    await calm();
    clock.pass(250);
    await calm();
    answer('of the slow');
    expect(await token).to.equal('of the slow');
  });

  it('asks a tab that connects while the others are silent', async () => {
    await open(() => new Promise(() => {}));
    const token = host.token();
    await calm();
    clock.pass(250);
    await open(() => 'of the new one');
    expect(await token).to.equal('of the new one');
  });

  it('waits for a tab that can supply tokens', async () => {
    await open();
    const token = host.token();
    await open(() => 'here it is');
    expect(await token).to.equal('here it is');
  });

  it('gives the reason if there is none', async () => {
    await open(() => { throw new Error('not signed in'); });
    const {code, message} = await failure(host.token());
    expect(code).to.equal('ERR_TABS_NO_TOKEN');
    expect(message).to.contain('not signed in');
    expect(warnings.join()).to.contain('not signed in');
  });

  it('gives up if no tab connects', async () => {
    const token = host.token();
    clock.pass(30_000);
    expect((await failure(token)).code).to.equal('ERR_TABS_NO_TOKEN');
  });

  it('requests a token for each connection, and stores none', async () => {
    let n = 0;
    await open(() => `token ${++n}`);
    expect([await host.token(), await host.token()]).to.eql(['token 1', 'token 2']);
  });
});
