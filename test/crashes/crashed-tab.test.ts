import {expect} from 'chai';
import type {Page} from 'puppeteer-core';
import {until} from '../waiting/until.js';
import {inChromiumOnly} from './cases.js';
import {sharedWorkers} from './worker.js';

inChromiumOnly('a crash of the tab that started the worker', 'where the tabs of one site share a process', open => {
  for (const [server, store, query] of [
    ['up', 'with', ''], ['down', 'with', ''], ['up', 'without', '?no-store'], ['down', 'without', '?no-store']
  ] as const) {
    it(`takes the worker along, and the others go on, ${store} a store, the server ${server}`, async () => {
      const stage = await open(query);
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
      // The crash comes before the turn in which the ten would be handed to the host.
      await Promise.all([creator.typeAtOnce(10, 'stay').catch(() => {}), crash(creator.page), second.type(20)]);
      for (const tab of others) {
        await until('it has a host again', async () => (await tab.hostStates()).at(-1)?.state === 'connected');
      }
      expect(await sharedWorkers(stage.browser), 'the worker').not.to.deep.equal(workers);

      await third.putCursorAt('end');
      await third.type(20);
      await second.type(20);
      await second.untilItShows(third);
      await third.untilItShows(second);
      await stage.servers.goOnline();
      const text = await stage.expectAllSaved([...others], new Map([[creator, 20]]));
      console.log(`      ${stage.count(creator, text) - 20} of 10 keystrokes survived that nobody had seen when their tab crashed`);
    });
  }
});

async function crash(page: Page): Promise<void> {
  const session = await page.createCDPSession();
  const crashed = new Promise<void>(resolve => page.once('error', () => resolve()));
  // It is never answered.
  void session.send('Page.crash').catch(() => {});
  await crashed;
}
