import {expect} from 'chai';
import type {Locks} from '../../lib/platform/platform.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';
import {MirrorStage, type StagedTab} from './mirror-stage.js';

describe('a tab whose page is too busy to acquire its lock', () => {
  let stage: MirrorStage;
  let tab: StagedTab;
  let grant: () => void;

  beforeEach(async () => {
    stage = new MirrorStage();
    stage.startHost();
    // Nothing that the host has posted makes a tab greet again.
    await calm();
    const {browser} = stage;
    const {process} = browser;
    browser.process = () => {
      const made = process.call(browser);
      const {request} = made.locks;
      made.locks.request = ((name, options, callback) => new Promise((resolve, reject) => {
        const ask = (): void => { request(name, options, callback).then(resolve, reject); };
        if (name.includes('/tab/')) grant = ask;
        else ask();
      })) as Locks['request'];
      return made;
    };
    tab = stage.openTab();
    browser.process = process;
  });
  afterEach(() => stage.close());

  it('has its documents', async () => {
    const doc = tab.connection.get('notes', 'a');
    await doc.create({words: []});
    await doc.subscribe();
    expect(await stage.server('a')).to.eql({words: []});
  });

  for (const [when, open] of [
    ['its session has begun', async () => { await until('there is a session', () => tab.connection.hostState === 'connected'); }],
    ['it is in another session than the one that it greeted for', async () => {
      await until('there is a session', () => tab.connection.hostState === 'connected');
      grant();
      stage.killHost();
      stage.startHost();
      await until('the next host is there', () => stage.host.inspect().tabs === 1);
    }]
  ] as const) {
    it(`is treated as dead soon after its death, with the lock granted when ${when}`, async () => {
      await open();
      grant();
      await until('there is a session', () => tab.connection.hostState === 'connected');
      await tab.connection.get('notes', 'a').fetch();
      expect(stage.host.inspect().tabs).to.equal(1);
      stage.killTab(tab);
      // The stage's clock is ten times as fast as the real one. A host waits half a minute for a tab without a lock.
      await until('the host knows', () => stage.host.inspect().tabs === 0, 2500);
    });
  }

  it('is treated as dead soon after its death if it has greeted once more before', async () => {
    await tab.connection.get('notes', 'a').fetch();
    grant();
    await calm();
    // A page hears while it is unloaded that its session is over.
    tab.connection.hostClient.sessionClient!.reconnect('over');
    stage.killTab(tab);
    await calm();
    await until('the host knows', () => stage.host.inspect().tabs === 0, 2500);
  });

  it('waits for the lock when it is restored from the cache: another tab may be handing over its orphaned ops', async () => {
    const {connection} = tab;
    const page = connection.hostClient;
    await connection.get('notes', 'a').fetch();
    grant();
    await calm();
    page.suspend();
    await calm();
    page.resume();
    await calm();
    expect(connection.hostState).to.equal('lost');
    grant();
    await until('it has a session', () => connection.hostState === 'connected');
  });
});
