import {expect} from 'chai';
import {createConnection} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {eventually} from '../store/clock.js';
import {TabModesStage, deniedLocks, type OpenedTab} from './tab-modes-stage.js';

describe('a tab that looks for its host', () => {
  let stage: TabModesStage;
  const hostStates = (): string[] => stage.tabs.map(({connection}) => connection.hostState);
  const connected = ({connection}: OpenedTab) => (): boolean => connection.hostState === 'connected';

  beforeEach(() => { stage = new TabModesStage(); });
  afterEach(() => stage.close());

  describe('in a browser that denies an API', () => {
    it('connects directly, with a reason, if locks are denied', async () => {
      const tab = stage.open({locks: deniedLocks});
      await eventually('the tab is connected', connected(tab));
      expect(tab.modes).to.have.length(1);
      expect(tab.modes[0]).to.match(/^direct: This page can't use Web Locks .*not allowed in this context/);
      expect(await stage.edit(tab)).to.eql({n: 1});
      expect(tab.errors).to.eql([]);
    });

    it('loads a document without a store if locks are denied and the mode is direct', async () => {
      const tab = stage.open({locks: deniedLocks, mode: 'direct', store: {}});
      await eventually('the tab is connected', connected(tab));
      expect(await stage.edit(tab)).to.eql({n: 1});
    });

    it('connects directly, with a reason, if channels are denied', async () => {
      stage.define('BroadcastChannel', class {
        constructor() { throw new DOMException('The operation is insecure.', 'SecurityError'); }
      });
      const tab = stage.open({channel: undefined});
      await eventually('the tab is connected', connected(tab));
      expect(tab.modes[0]).to.match(/^direct: .*can't use BroadcastChannel: The operation is insecure/);
      expect(await stage.edit(tab)).to.eql({n: 1});
    });
  });

  describe('while no code can be loaded', () => {
    it('reports once what it could not load, and tries again after growing pauses', async () => {
      stage.loseCode();
      const tab = stage.open();
      await stage.settle();
      const {loads} = stage;
      await stage.pass(60_000, 500);
      expect(tab.errors).to.have.length(1);
      expect(tab.errors[0]).to.match(/^ERR_TABS_NO_HOST: .*Failed to fetch dynamically imported module/);
      // Each try loads two parts. The pauses are 0.5, 1, 2, 4, 8, 16 and 30 s.
      expect((stage.loads - loads) / 2).to.be.within(5, 8);
      stage.findCode();
      await stage.pass(31_000, 500);
      expect(hostStates()).to.eql(['connected']);
      expect(await stage.edit(tab)).to.eql({n: 1});
    });

    it('tries again at once when the network is back', async () => {
      stage.loseCode();
      const tab = stage.open();
      await stage.pass(20_000, 500);
      stage.findCode();
      stage.goOnline();
      await stage.settle();
      expect(hostStates()).to.eql(['connected']);
      expect(await stage.edit(tab)).to.eql({n: 1});
    });

    it('finds the host of another tab as soon as it announces itself', async () => {
      stage.loseCode();
      const waiting = stage.open();
      await stage.pass(20_000, 500);
      stage.findCode();
      const other = stage.open();
      await stage.settle();
      expect(hostStates()).to.eql(['connected', 'connected']);
      expect(waiting.modes.at(-1)).to.match(/^elected-tab/);
      expect(await stage.edit(waiting)).to.eql({n: 1});
      expect(await stage.edit(other)).to.eql({n: 2});
      // The tab also takes over when the next host dies.
      stage.kill(other);
      await stage.settle();
      expect(await stage.edit(waiting)).to.eql({n: 3});
    });

    it('keeps the ops of its user, and sends them when there is a host again', async () => {
      const tab = stage.open();
      await stage.settle();
      await stage.edit(tab);
      const second = stage.open();
      await stage.settle();
      await stage.edit(second);
      stage.kill(tab);
      stage.loseCode();
      const edit = stage.edit(second);
      await stage.pass(5000);
      stage.findCode();
      stage.goOnline();
      await stage.settle();
      expect(await edit).to.eql({n: 3});
    });
  });

  it('has loaded the code of a host in advance if the host dies while the page server is down', async () => {
    const first = stage.open();
    const second = stage.open();
    await stage.settle();
    await stage.pass(5000);
    expect(await stage.edit(second)).to.eql({n: 1});
    const {loads} = stage;
    expect(loads, 'each tab has loaded both parts').to.be.at.least(4);
    stage.kill(first);
    await stage.settle();
    expect(await stage.edit(second)).to.eql({n: 2});
    expect(second.errors).to.eql([]);
  });

  describe('with other options than the tab that is the host', () => {
    let warnings: string[];
    const warn = (text: string): void => {
      const found = /createConnection\(.*(?= \[WARN_TABS_OPTIONS)/.exec(text)?.[0];
      if (found) warnings.push(found);
    };
    const DEFAULT = '{"durability":"delayed","resume":"snapshot"}';
    const OF_STORE = `createConnection({store: ${DEFAULT}}) of a page has no effect. The host was started with false`;

    const {warn: warnInConsole} = console;
    beforeEach(() => {
      warnings = [];
      // The host tells the other tabs, too.
      console.warn = () => {};
    });
    afterEach(() => { console.warn = warnInConsole; });

    it('is told once of each option that has no effect', async () => {
      stage.open({warn});
      await stage.settle();
      stage.open({warn});
      await stage.settle();
      expect(warnings).to.eql([]);
      for (let opened = 0; opened < 2; opened++) {
        stage.open({url: 'ws://elsewhere.invalid?token=secret', store: {}, warn});
        await stage.settle();
      }
      expect(warnings).to.eql([
        OF_STORE,
        'createConnection({url: ws://elsewhere.invalid}) of a page has no effect. The host was started with ws://nowhere.invalid. ' +
          'It does not call a function again: use getToken for tokens'
      ]);
    });

    it('is told if both are opened at the same time', async () => {
      stage.open({warn});
      stage.open({store: {}, warn});
      await stage.settle();
      expect(warnings).to.eql([OF_STORE]);
    });

    it('is told by the next host', async () => {
      const first = stage.open({store: {}, warn});
      await stage.settle();
      stage.open({warn});
      await stage.settle();
      stage.open({store: {}, warn});
      await stage.settle();
      expect(warnings).to.eql([`createConnection({store: false}) of a page has no effect. The host was started with ${DEFAULT}`]);
      stage.kill(first);
      await stage.settle();
      expect(warnings.slice(1)).to.eql([OF_STORE]);
    });

    it('tells the worker of the tab that is the host', async () => {
      const received: unknown[] = [];
      stage.open({worker: () => {
        const worker = stage.ownWorker(0);
        const {postMessage} = worker;
        worker.postMessage = (data: unknown) => {
          received.push(data);
          postMessage(data);
        };
        return worker;
      }});
      await stage.settle();
      stage.open({store: {durability: 'strict'}});
      await stage.settle();
      expect(received.at(-1)).to.eql({
        type: 'sharedb-tabs:options', namespace: 'default', url: 'ws://nowhere.invalid', store: {durability: 'strict'}, isQuestion: false
      });
    });
  });

  describe('that holds the host lock and does not answer', () => {
    for (const [what, loadMs] of [['at once', 0], ['within the time that a host has to answer', 800], ['later than a host has to answer', 2500]] as const) {
      it(`replaces the host by a worker of its own, which starts ${what}`, async () => {
        let workers = 0;
        stage.holdHostLock();
        await stage.settle();
        const open = (): OpenedTab => stage.open({hostTimeout: 1000, worker: () => {
          workers++;
          return stage.ownWorker(loadMs);
        }});
        const tabs = [open(), open()];
        await stage.pass(10_000);
        expect(hostStates()).to.eql(['connected', 'connected']);
        expect(await stage.edit(tabs[1]!)).to.eql({n: 1});
        expect(await stage.edit(tabs[0]!)).to.eql({n: 2});
        // One waited in the election, and one has replaced the host.
        expect(workers).to.be.at.most(3);
      });
    }
  });

  describe('with edits that only a shared host can send', () => {
    let isUrlThere: boolean;
    /** With the url, this tab can be the host for all tabs. A direct connection has its own backend. */
    const url = (): Promise<string> => (isUrlThere ? Promise.resolve('ws://nowhere.invalid') : Promise.reject(new Error('Offline')));
    const modeNames = ({modes}: OpenedTab): string[] => modes.map(mode => mode.split(':')[0]!);

    /** The storage of the browser. It is not an option of a page. */
    let store: object;

    beforeEach(() => {
      isUrlThere = true;
      store = Object.create({storage: new InMemoryStorage()}) as object;
    });

    /** The host is another tab, which dies. No tab can become the next host. */
    async function loseHost(edit?: (tab: OpenedTab) => void): Promise<OpenedTab> {

      const host = stage.open({store});
      await stage.settle();
      const tab = stage.open({store, url});
      await stage.settle();
      expect(await stage.edit(tab)).to.eql({n: 1});
      isUrlThere = false;
      edit?.(tab);
      stage.kill(host);
      return tab;
    }

    it('waits for one, reports it once, and loses nothing', async () => {
      const outcomes: unknown[] = [];
      const tab = await loseHost(({connection}) => {
        connection.get('docs', 'one').submitOp([{p: ['n'], na: 1}], {}, error => outcomes.push(error));
      });
      await stage.pass(10_000, 500);
      tab.connection.get('docs', 'one').submitOp([{p: ['n'], na: 1}], {}, error => outcomes.push(error));
      await stage.pass(50_000, 500);
      expect([tab.connection.hostState, tab.connection.saveState, tab.errors.length]).to.eql(['lost', 'unsaved', 1]);
      expect(tab.errors[0]).to.match(/^ERR_TABS_NO_HOST: .*Offline.*This tab has edits that its last host may have handed on/);
      isUrlThere = true;
      await stage.pass(31_000, 500);
      expect(outcomes).to.eql([undefined, undefined]);
      expect(modeNames(tab)).to.eql(['elected-tab', 'elected-tab']);
      expect(await stage.edit(tab)).to.eql({n: 4});
      expect(await tab.connection.deadLetters.list()).to.eql([]);
    });

    it('finds the host that another tab starts', async () => {
      const tab = await loseHost(({connection}) => void connection.get('docs', 'one').submitOp([{p: ['n'], na: 1}]));
      await stage.pass(10_000, 500);
      stage.open({store});
      await stage.settle();
      expect(await stage.edit(tab)).to.eql({n: 3});
    });

    it('connects directly if it has none', async () => {
      const tab = await loseHost();
      await stage.pass(10_000, 500);
      expect([modeNames(tab), tab.errors]).to.eql([['elected-tab', 'direct'], []]);
      expect(await stage.edit(tab)).to.eql({n: 2});
    });
  });

  it("rejects a url that can't be resolved, and names the option", () => {
    stage.define('location', {href: 'about:srcdoc'});
    try {
      expect(() => createConnection({url: '/sharedb?token=secret'})).to.throw(/option url \(\/sharedb\)/).with.property('code', 'ERR_TABS_BAD_OPTION');
      stage.define('document', {baseURI: 'https://example.org/app/', visibilityState: 'visible'});
      const connection = createConnection({url: 'sharedb', mode: 'direct', store: false});
      connection.close();
    } finally {
      for (const name of ['location', 'document']) delete (globalThis as Record<string, unknown>)[name];
    }
  });
});
