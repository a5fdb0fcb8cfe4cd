import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';

inEveryEngine('a tab with edits that wait for the server', open => {
  it('keeps them through a reload', async () => {
    const stage = await open();
    const [first, second] = await stage.openTwoTabs();
    await stage.goOffline(first, second);
    await first.putCursorAt('start');
    await first.type(20);
    await second.untilItShows(first);
    await first.page.reload();
    await stage.untilReady(first);
    await first.untilItShows(first);
    stage.expectAllTyped((await first.look()).text);
    await first.typeAtOnce(10, 'stay');
    await second.untilItShows(first);
    await stage.servers.goOnline();
    await stage.expectAllSaved([first, second]);
  });

  it('keeps them through a reload if it is the only tab', async () => {
    const stage = await open();
    const tab = await stage.openTab();
    await stage.untilSaved(tab);
    await stage.goOffline(tab);
    await tab.putCursorAt('start');
    await tab.type(20);
    await tab.page.reload();
    await stage.untilReady(tab);
    await tab.untilItShows(tab);
    await stage.servers.goOnline();
    await stage.expectAllSaved([tab]);
  });

  for (const company of ['with', 'without'] as const) {
    it(`keeps the edits of the turn in which it is reloaded, ${company} another tab`, async () => {
      const stage = await open();
      const tab = await stage.openTab();
      const others = company === 'with' ? [await stage.openTab()] : [];
      for (const each of [tab, ...others]) await stage.untilSaved(each);
      await stage.goOffline(tab, ...others);
      await tab.typeAtOnce(10, 'stay');
      const before = await tab.page.evaluate(() => performance.timeOrigin);
      await tab.typeAtOnce(10, 'reload');
      await until('it is reloaded', () => tab.page.evaluate(() => performance.timeOrigin).then(now => now !== before, () => false));
      await stage.untilReady(tab);
      await tab.untilItShows(tab);
      for (const other of others) await other.untilItShows(tab);
      await stage.servers.goOnline();
      await stage.expectAllSaved([tab, ...others]);
    });
  }
});
