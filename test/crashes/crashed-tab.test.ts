import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {Stage} from './stage.js';
import {inChromiumOnly} from './table.js';
import {sharedWorkers} from './worker.js';

inChromiumOnly('a crash of the tab that started the worker', 'where the tabs of one site share a process', engine => {
  let stage: Stage;

  beforeEach(async function () {
    this.timeout(60_000);
    stage = await Stage.open(engine);
  });

  afterEach(async function () {
    this.timeout(60_000);
    await stage.close(this.currentTest?.state === 'failed');
  });

  for (const server of ['up', 'down'] as const) {
    it(`takes the worker along, and the others go on while the server is ${server}`, async function () {
      this.timeout(120_000);
      const creator = await stage.openTab();
      const others = [await stage.openTab(), await stage.openTab()] as const;
      const [second, third] = others;
      for (const tab of [creator, ...others]) await stage.untilSaved(tab);
      if (server === 'down') await stage.goOffline(creator, ...others);
      const workers = await sharedWorkers(stage.browser);

      await creator.putCursorAt('start');
      await creator.type(20);
      await second.untilItShows(creator);
      await second.putCursorAt('end');
      await Promise.all([creator.typeAtOnce(10, 'stay'), second.type(20), crashed(creator)]);
      for (const tab of others) await until('it has a host again', async () => (await tab.hostStates()).at(-1)?.state === 'connected');
      expect(await sharedWorkers(stage.browser), 'the worker').not.to.deep.equal(workers);

      await third.putCursorAt('end');
      await third.type(20);
      await second.type(20);
      await second.untilItShows(third);
      await third.untilItShows(second);
      await stage.servers.goOnline();
      const text = await stage.expectAllSaved([...others], new Map([[creator, 20]]));
      console.log(`      server ${server}: ${stage.count(creator, text) - 20} of 10 keystrokes survived that nobody had seen when their tab crashed`);
    });
  }
});

async function crashed({page}: {page: import('puppeteer-core').Page}): Promise<void> {
  const session = await page.createCDPSession();
  const gone = new Promise<void>(resolve => page.once('error', () => resolve()));
  // It is never answered.
  void session.send('Page.crash').catch(() => {});
  await gone;
}
