import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {END, blockChannel} from './block.js';
import {epochOf, KarmaStage, untilOtherHost, type Options} from './stage.js';
import {TypingTabs} from './typing-tabs.js';

describe('the modes of a host', function() {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  it('end with a direct connection if there are neither shared workers nor locks', async () => {
    const tab = await stage.openFrame({without: ['SharedWorker', 'locks']});
    const {mode, reason} = await tab.mode;
    expect(mode).to.equal('direct');
    expect(reason).to.match(/no SharedWorker.*no Web Locks/);
    await stage.subscribe(tab.connection);
  });

  for (const [title, options] of [
    ['an elected tab without locks', {mode: 'elected-tab', without: ['locks']}],
    ['a shared worker without SharedWorker', {mode: 'shared-worker', without: ['SharedWorker']}],
    ['a shared worker whose script is missing', {mode: 'shared-worker', worker: 'missing'}]
  ] as [string, Options][]) {
    it(`end with an error if only one is allowed: ${title}`, async () => {
      const {connection} = await stage.openFrame(options);
      const error = await new Promise<Error & {code: string}>(resolve => connection.once('error', resolve as never));
      expect(error.code).to.equal('ERR_TABS_NO_HOST');
      expect(connection.mode).to.equal(undefined);
    });
  }

  it('include a shared worker if there are no locks', async () => {
    const tabs = new TypingTabs(stage, {worker: 'withoutLocks', without: ['locks']});
    const opened = await tabs.addMany(2);
    expect(opened.map(({connection}) => connection.mode)).to.eql(['shared-worker', 'shared-worker']);
    await tabs.talk();
    await tabs.conclude();
  });

  it('continue with the next shared worker when one dies, without locks', async () => {
    // A tab whose worker starts slower than this connects directly.
    const tabs = new TypingTabs(stage, {worker: 'withoutLocks', without: ['locks'], hostTimeout: 4000});
    const [first, second] = await tabs.addMany(2);
    expect([first!, second!].map(({connection}) => connection.mode)).to.eql(['shared-worker', 'shared-worker']);
    await tabs.talk();
    const epoch = await epochOf(first!);
    const commands = new BroadcastChannel(blockChannel(stage.id));
    commands.postMessage(END);
    commands.close();
    await untilOtherHost(first!, epoch);
    await tabs.talk();
    expect([first!, second!].map(({connection}) => connection.mode)).to.eql(['shared-worker', 'shared-worker']);
    await tabs.conclude();
  });

  const elected: Options = {without: ['SharedWorker'], ownWorker: 'good'};

  it('work together: the current shared worker serves tabs that have none', async () => {
    const tabs = new TypingTabs(stage);
    const opened = [await tabs.add(), await tabs.add(elected), await tabs.add(elected)];
    expect(opened.map(({connection}) => connection.mode)).to.eql(['shared-worker', 'shared-worker', 'shared-worker']);
    await tabs.talk();
    tabs.leave(opened[0]!);
    opened[0]!.close();
    await until('an elected tab is the host', () => opened[2]!.connection.mode === 'elected-tab');
    await tabs.talk();
    await tabs.conclude();
  });

  it('work together: the current elected tab serves tabs with a shared worker', async () => {
    const tabs = new TypingTabs(stage);
    const opened = [await tabs.add(elected), await tabs.add(), await tabs.add()];
    expect(opened.map(({connection}) => connection.mode)).to.eql(['elected-tab', 'elected-tab', 'elected-tab']);
    await tabs.talk();
    tabs.leave(opened[0]!);
    opened[0]!.close();
    await until('the shared worker is the host', () => opened[2]!.connection.mode === 'shared-worker');
    await tabs.talk();
    await tabs.conclude();
  });
});
