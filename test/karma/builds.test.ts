import {expect} from 'chai';
import {parseGreetingMessage} from '../../lib/protocol/greeting-guards.js';
import {PROTOCOL_VERSION, hostLockName, greetingChannelName, tabChannelName} from '../../lib/protocol/version.js';
import {until} from '../waiting/until.js';
import {startServer, stopServer} from './server-control.js';
import {epochOf, KarmaStage, untilOtherHost, type Options} from './stage.js';
import {TypingTabs, type TypingTab} from './typing-tabs.js';

/** The options for tabs of one build, and the hosting mode. */
const kinds: [title: string, build: (name: 'older' | 'newer') => Options][] = [
  // A tab whose worker starts slower than the time-out hosts in its page instead.
  ['shared workers', name => ({worker: name, hostTimeout: 30_000})],
  ['tabs\' own workers', name => ({mode: 'elected-tab', ownWorker: name, build: name === 'older' ? '2026.9' : '2026.10'})],
  ['pages', name => ({mode: 'elected-tab', build: name === 'older' ? '2026.9' : '2026.10'})]
];

describe('tabs of two builds', function() {
  this.timeout(120_000);
  let stage: KarmaStage;
  let tabs: TypingTabs;

  beforeEach(() => {
    stage = new KarmaStage();
    tabs = new TypingTabs(stage);
  });

  afterEach(() => stage.close());

  const untilReplaced = (tab: TypingTab, epoch: string): Promise<void> =>
    untilOtherHost(tab, epoch);

  const buildOf = async ({connection}: TypingTab): Promise<string> => (await connection.inspect() as {build: string}).build;

  for (const [title, build] of kinds) {
    it(`continue with the newer host, in ${title}, also with unsent edits`, async () => {
      const older = await tabs.add(build('older'));
      await tabs.add(build('older'));
      await tabs.talk();
      await stopServer();
      await tabs.talk();
      const epoch = await epochOf(older);
      await tabs.add(build('newer'));
      await untilReplaced(older, epoch);
      // A host of the older build may have been next in the queue: it closes at once.
      await until('the newer build is the host', async () => await buildOf(older) === '2026.10');
      await tabs.talk();
      await startServer();
      await tabs.conclude();
    });

    it(`keep the newer host, in ${title}, until it ends, when a tab of the older build is opened`, async () => {
      const newer = await tabs.add(build('newer'));
      const epoch = await epochOf(newer);
      const older = await tabs.add(build('older'));
      await tabs.talk(20);
      expect([await epochOf(newer), await epochOf(older)]).to.eql([epoch, epoch]);
      tabs.leave(newer);
      newer.close();
      await untilReplaced(older, epoch);
      expect(await buildOf(older)).to.equal('2026.9');
      await tabs.talk();
      await tabs.conclude();
    });
  }

  it('keep the first host if one of them has no build', async () => {
    const first = await tabs.add();
    const epoch = await epochOf(first);
    await tabs.add({worker: 'newer'});
    await tabs.talk(20);
    expect(await epochOf(first)).to.equal(epoch);
    await tabs.conclude();
  });
});

/** A host with a later protocol: it acquires the host lock and understands no tab. */
class LaterHost {
  readonly #greetings: BroadcastChannel;
  readonly #namespace: string;
  #leave = (): void => {};

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#greetings = new BroadcastChannel(greetingChannelName(namespace));
  }

  async acquireHostLock(): Promise<void> {
    const protocol = PROTOCOL_VERSION + 1;
    const stand = (): void => this.#greetings.postMessage({type: 'candidate', protocol, build: ''});
    this.#greetings.onmessage = ({data}) => { if (parseGreetingMessage(data)?.type === 'here') stand(); };
    await new Promise<void>(resolve => {
      void navigator.locks.request(hostLockName(this.#namespace), () => {
        resolve();
        return new Promise<void>(leave => { this.#leave = leave; });
      });
      stand();
    });
    this.#greetings.onmessage = ({data}) => {
      const hello = parseGreetingMessage(data);
      if (hello?.type !== 'hello') return;
      const channel = new BroadcastChannel(tabChannelName(this.#namespace, hello.tabId));
      channel.postMessage({type: 'refusal', attempt: hello.attempt, protocol});
      setTimeout(() => channel.close(), 100);
    };
    this.#greetings.postMessage({type: 'here', protocol, epoch: 'later', generation: Date.now()});
  }

  leave(): void {
    this.#greetings.close();
    this.#leave();
  }
}

/** Runs a test with two tabs that type, and with a host of a later protocol that can take over from theirs. */
async function withLaterHost(
  options: Options, act: (parts: {later: LaterHost; tabs: TypingTabs; opened: Awaited<ReturnType<TypingTabs['addMany']>>}) => Promise<void>
): Promise<void> {
  const stage = new KarmaStage();
  const later = new LaterHost(stage.id);
  try {
    const tabs = new TypingTabs(stage, {hostTimeout: 1200, ...options});
    const opened = await tabs.addMany(2);
    await tabs.talk();
    await act({later, tabs, opened});
    await tabs.talk();
    await tabs.conclude();
  } finally {
    later.leave();
    await stage.close();
  }
}

describe('tabs of another protocol than the host', function() {
  this.timeout(120_000);

  for (const [title, options] of [['with a shared worker', {}], ['elected', {mode: 'elected-tab', ownWorker: 'good'}]] as [string, Options][]) {
    it(`emit updateneeded once, and wait for a host of their protocol: ${title}`, async () => {
      await withLaterHost(options, async ({later, opened}) => {
        const protocols: number[][] = opened.map(() => []);
        const modes: unknown[] = [];
        opened.forEach(({connection}, i) => {
          connection.on('updateneeded', protocol => protocols[i]!.push(protocol));
          connection.on('mode', mode => modes.push(mode));
        });
        await later.acquireHostLock();
        await until('both are refused', () => protocols.every(({length}) => length > 0));
        // Longer than any timeout that leads to another mode.
        await new Promise(resolve => setTimeout(resolve, 2500));
        expect(protocols).to.eql([[PROTOCOL_VERSION + 1], [PROTOCOL_VERSION + 1]]);
        expect(modes).to.eql([]);
        expect(opened.map(({connection}) => connection.hostState)).to.eql(['lost', 'lost']);
        later.leave();
      });
    });

    it(`save their edits, and send them after a reload: ${title}`, async () => {
      await withLaterHost(options, async ({later, tabs, opened}) => {
        let refused = 0;
        for (const {connection} of opened) connection.on('updateneeded', () => refused++);
        await later.acquireHostLock();
        await until('both are refused', () => refused === 2);
        const counts = opened.map(({typist}) => typist.count);
        await until('both go on typing', () => opened.every(({typist}, i) => typist.count >= counts[i]! + 5));
        for (const tab of opened) tabs.leave(tab);
        const reloaded = await Promise.all(opened.map(tab => tab.reload()));
        later.leave();
        for (const tab of reloaded) await tabs.type(tab);
      });
    });
  }
});
