import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {blockChannel} from './block.js';
import {epochOf, Stage, untilOtherHost, type Options} from './stage.js';
import {TypingTabs} from './typing-tabs.js';

const hostTimeout = 1000;
/** Long enough for a takeover while the old host is still blocked, even on a busy machine. */
const blockedMs = 12_000;

describe('a host that holds the host lock and does not answer', function() {
  this.timeout(120_000);
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  /** Resolves when the worker's thread is blocked. */
  async function block(): Promise<void> {
    const commands = new BroadcastChannel(blockChannel(stage.id));
    const blocked = new Promise(resolve => { commands.onmessage = resolve; });
    commands.postMessage(blockedMs);
    await blocked;
    commands.close();
  }

  for (const [title, options] of [
    ['a shared worker', {}],
    ['a shared worker without a store', {store: false}],
    ['a tab\'s own worker', {mode: 'elected-tab', ownWorker: 'good'}],
    ['a tab\'s own worker without a store', {mode: 'elected-tab', ownWorker: 'good', store: false}]
  ] as [string, Options][]) {
    it(`is replaced, and does no harm when it wakes up: ${title}`, async () => {
      const tabs = new TypingTabs(stage, {ownWorker: 'good', hostTimeout, ...options});
      const [first] = await tabs.addMany(3);
      await tabs.talk();
      const epoch = await epochOf(first!);
      await block();
      const started = performance.now();
      const late = tabs.add();
      await untilOtherHost(first!, epoch, blockedMs);
      const took = performance.now() - started;
      expect(took).to.be.below(blockedMs);
      await tabs.talk();
      await late;
      await until('the old host wakes up', () => performance.now() - started > blockedMs + 500);
      await tabs.talk();
      expect(new Set(await Promise.all(tabs.open.map(epochOf))).size).to.equal(1);
      await tabs.conclude();
    });
  }
});
