import {expect} from 'chai';
import {blockChannel, type Block} from './block.js';
import {holdUrl, release} from './server-control.js';
import {epochOf, KarmaStage, untilOtherHost, type Options} from './stage.js';
import {TypingTabs} from './typing-tabs.js';

const hostTimeout = 1000;
/** In Firefox: long enough for a takeover while the old host is still blocked, also on a busy machine. */
const blockedMs = 20_000;
const isFirefox = navigator.userAgent.includes('Firefox');

describe('a host that holds the host lock and does not answer', function() {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(async () => {
    await release(stage.id);
    await stage.close();
  });

  /** Resolves when the worker's thread is blocked: until `release` if it can be, otherwise for `ms`. */
  async function block(ms = blockedMs): Promise<void> {
    const commands = new BroadcastChannel(blockChannel(stage.id));
    const blocked = new Promise(resolve => { commands.onmessage = resolve; });
    commands.postMessage({block: isFirefox ? ms : holdUrl(stage.id)} satisfies Block);
    await blocked;
    commands.close();
  }

  const untilAwake = (): Promise<unknown> => navigator.locks.request(blockChannel(stage.id), () => {});

  /** The blocked worker holds the lock. */
  async function isBlocked(): Promise<boolean> {
    const {held = []} = await navigator.locks.query();
    return held.some(({name}) => name === blockChannel(stage.id));
  }

  for (const [title, options] of [
    ['a shared worker', {}],
    ['a shared worker without a store', {store: false}],
    ['a tab\'s own worker', {mode: 'elected-tab', ownWorker: 'good'}],
    ['a tab\'s own worker without a store', {mode: 'elected-tab', ownWorker: 'good', store: false}]
  ] as [string, Options][]) {
    it(`is replaced, and changes nothing when it runs again: ${title}`, async () => {
      const tabs = new TypingTabs(stage, {ownWorker: 'good', hostTimeout, ...options});
      const [first] = await tabs.addMany(3);
      await tabs.talk();
      const epoch = await epochOf(first!);
      await block();
      const late = tabs.add();
      await untilOtherHost(first!, epoch);
      // A tab ends its own worker, and Chromium does so after 2 s if the worker is blocked.
      if (!options.mode) expect(await isBlocked(), 'the old host is still blocked').to.equal(true);
      await tabs.talk();
      await late;
      await release(stage.id);
      await untilAwake();
      await tabs.talk(20);
      expect(new Set(await Promise.all(tabs.open.map(epochOf))).size).to.equal(1);
      await tabs.conclude();
    });
  }

  it('is replaced by a host that takes longer to start than the tabs wait for an answer', async () => {
    const tabs = new TypingTabs(stage, {ownWorker: 'slow', hostTimeout});
    const [first] = await tabs.addMany(2);
    const epoch = await epochOf(first!);
    await block(10_000);
    await untilOtherHost(first!, epoch);
    await release(stage.id);
    await untilAwake();
    await tabs.talk();
    await tabs.conclude();
  });
});
