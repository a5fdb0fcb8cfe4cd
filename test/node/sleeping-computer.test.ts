import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import type {Clock, Locks} from '../../lib/platform/platform.js';
import {Random} from '../support/random.js';
import {FakeClock, calm, eventually} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {Browser, type Process} from '../support/browser.js';

const MINUTE = 60_000;

describe('on a computer that sleeps', () => {
  let timers: FakeClock;
  let now: number;
  let browser: Browser;
  let backend: Backend;
  let host: Host;
  let tab: ProxyConnection;
  let process: Process;
  let grantLock: () => void;
  let asked: number;

  const clock: Clock = {now: () => now, after: (ms, callback) => timers.after(ms, callback)};

  /** Lets time pass without running timers in between, as on a sleeping computer. Timers that are due run once afterwards. */
  async function pass(ms: number): Promise<void> {
    now += ms;
    timers.pass(ms);
    await calm();
  }

  /** Opens a tab whose lock is granted when the test decides. */
  async function openTab(): Promise<void> {
    process = browser.process();
    const {request} = process.locks;
    process.locks.request = ((name, options, callback) => new Promise((resolve, reject) => {
      grantLock = () => { request(name, options, callback).then(resolve, reject); };
    })) as Locks['request'];
    tab = new ProxyConnection({channel: process.channel, locks: process.locks, clock});
    await eventually('there is a session', () => tab.hostState === 'connected');
  }

  beforeEach(async () => {
    timers = new FakeClock();
    now = 1_000_000;
    asked = 0;
    browser = new Browser(new Random(1));
    browser.look = (_name, data) => {
      if (JSON.stringify(data).includes('tab.ping')) asked++;
      return true;
    };
    backend = new Backend();
    const {channel, locks} = browser.process();
    host = new Host({connection: backend.connect(), channel, locks, clock, place: 'shared-worker', store: false});
    await openTab();
  });

  afterEach(() => {
    tab.close();
    host.close();
  });

  it('a tab that acquires its lock during a check is watched by this lock, and not checked again', async () => {
    const {look} = browser;
    browser.look = (name, data) => {
      const isQuestion = JSON.stringify(data).includes('tab.ping');
      if (isQuestion) grantLock();
      return look(name, data);
    };
    await pass(MINUTE / 2);
    expect(asked, 'questions').to.equal(1);
    browser.look = look;
    for (let i = 0; i < 4; i++) await pass(MINUTE / 2);
    expect(asked, 'questions').to.equal(1);
    process.kill();
    await calm();
    await pass(25);
    await pass(25);
    expect(host.inspect().tabs).to.equal(0);
  });

  it('a page in the back/forward cache still has time to return, and its edits continue', async () => {
    grantLock();
    await calm();
    const doc = tab.get('notes', 'a');
    await settled(done => doc.create({text: ''}, done));
    await settled(done => doc.subscribe(done));
    doc.pause();
    const written = settled(done => doc.submitOp([{p: ['text', 0], si: 'mine'}], done));
    const page = tab.hostClient;
    page.suspend();
    await calm();
    await pass(8 * 60 * MINUTE);
    page.resume();
    grantLock();
    await eventually('it is back', () => tab.hostState === 'connected');
    doc.resume();
    await written;
    expect(doc.data).to.eql({text: 'mine'});
  });
});
