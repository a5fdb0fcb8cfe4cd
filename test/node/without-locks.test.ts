import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import {FakeClock} from '../store/clock.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

const PATIENCE = 1000;

/** A `FakeClock` with the time of day. */
class Time extends FakeClock {
  private time = 1_000_000;
  readonly dayTime = (): number => this.time;
  override pass(ms: number): void {
    this.time += ms;
    super.pass(ms);
  }
}

/** Waits for the turns of the event loop in which everything under way arrives. */
async function calm(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve));
}

describe('without Web Locks', () => {
  let time: Time;
  let channel: OpenChannel;
  let backend: Backend;
  let closers: (() => void)[];

  beforeEach(() => {
    time = new Time();
    channel = memoryChannels();
    backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true});
    closers = [];
  });

  afterEach(() => {
    for (const close of closers.reverse()) close();
  });

  const clock = (): {now: () => number; after: FakeClock['after']} => ({now: time.dayTime, after: time.after});

  /** Channels of a process that can die without a message. */
  function mortal(): {channel: OpenChannel; die(): void} {
    let isDead = false;
    return {
      die: () => { isDead = true; },
      channel: name => {
        const real = channel(name);
        const own = {
          onmessage: null as ((event: {data: unknown}) => void) | null,
          postMessage: (data: unknown) => { if (!isDead) real.postMessage(data); },
          close: () => real.close()
        };
        real.onmessage = (event: {data: unknown}) => { if (!isDead) own.onmessage?.(event); };
        return own;
      }
    };
  }

  function openHost(own: OpenChannel = channel): Host {
    const host = new Host({connection: backend.connect(), channel: own, clock: clock(), place: 'shared-worker', store: false});
    closers.push(() => host.close());
    return host;
  }

  async function openTab(own: OpenChannel = channel): Promise<ProxyConnection> {
    const tab = new ProxyConnection({channel: own, clock: clock(), hostTimeout: PATIENCE});
    closers.push(() => tab.close());
    for (let i = 0; i < 5 && tab.hostState !== 'connected'; i++) {
      await calm();
      time.pass(1000);
    }
    await calm();
    expect(tab.hostState).to.equal('connected');
    return tab;
  }

  /** @returns the time until the condition was true, in ms */
  async function passUntil(isSo: () => boolean, most: number): Promise<number> {
    let passed = 0;
    for (; !isSo() && passed <= most; passed += 500) {
      time.pass(500);
      await calm();
    }
    return passed;
  }

  it('the presence of a tab that died without an end message is withdrawn within a minute and a half; silent tabs stay', async () => {
    openHost();
    const [dying, silent] = [mortal(), mortal()];
    const watching = await openTab();
    const seen = watching.getPresence('cursors');
    await settled(done => seen.subscribe(done));
    for (const [name, own] of [['dying', dying], ['silent', silent]] as const) {
      const presence = (await openTab(own.channel)).getPresence('cursors').create(name);
      await settled(done => presence.submit({at: 1}, done));
    }
    await until('both are seen', () => Object.keys(seen.remotePresences).length === 2);
    dying.die();
    const took = await passUntil(() => !('dying' in seen.remotePresences), 120_000);
    expect(took).to.be.within(30_000, 95_000);
    await passUntil(() => false, 120_000);
    expect(Object.keys(seen.remotePresences)).to.eql(['silent']);
  });

  it('the death of a host is detected, even without traffic, and the next one serves the tab', async () => {
    const mortalHost = mortal();
    openHost(mortalHost.channel);
    const tab = await openTab();
    await passUntil(() => false, 20 * PATIENCE);
    expect(tab.hostState).to.equal('connected');
    mortalHost.die();
    const took = await passUntil(() => tab.hostState === 'lost', 10 * PATIENCE);
    expect(took).to.be.at.most(3 * PATIENCE + 500);
    openHost();
    await passUntil(() => tab.hostState === 'connected', 5000);
    expect(tab.hostState).to.equal('connected');
  });
});
