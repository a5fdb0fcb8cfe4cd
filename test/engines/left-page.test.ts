import {inEveryEngine} from './cases.js';
import type {Tab} from './tab.js';

/** If a worker is suspended with its page, messages that it gets afterwards are stale. */
const LATE_MS = 1000;

inEveryEngine('a page that the user leaves and returns to', open => {
  for (const company of ['with', 'without'] as const) {
    it(`is connected again, and shows the edits made meanwhile, ${company} another tab`, async () => {
      const stage = await open();
      const others = company === 'with' ? [await stage.openTab()] : [];
      const tab = await stage.openTab();
      for (const each of [tab, ...others]) await stage.untilSaved(each);
      await tab.typeAt('end', 10);
      await tab.leave();
      for (const other of others) await other.typeAt('start', 20);
      await tab.goBack();
      await stage.untilReady(tab);
      for (const each of [tab, ...others]) await tab.untilItShows(each);
      await tab.typeAt('end', 10);
      for (const other of others) {
        await other.untilItShows(tab);
        await other.typeAt('end', 10);
        await tab.untilItShows(other);
      }
      await stage.expectAllSaved([tab, ...others]);
      console.log(`      ${await cameBack(tab)}`);
    });

    it(`has the edits of the turn in which the user left it, without the server, ${company} another tab`, async () => {
      const stage = await open();
      const tab = await stage.openTab();
      const others = company === 'with' ? [await stage.openTab()] : [];
      for (const each of [tab, ...others]) await stage.untilSaved(each);
      await stage.goOffline(tab, ...others);
      await tab.typeAtOnce(10, 'stay');
      await tab.typeAtOnce(10, 'leave');
      await tab.untilElsewhere();
      for (const other of others) await other.untilItShows(tab);
      await new Promise(resolve => setTimeout(resolve, LATE_MS));
      await tab.goBack();
      await stage.untilReady(tab);
      await tab.untilItShows(tab);
      await stage.servers.goOnline();
      await stage.expectAllSaved([tab, ...others]);
      console.log(`      ${await cameBack(tab)}`);
    });
  }
});

async function cameBack(tab: Tab): Promise<string> {
  return await tab.isFromCache() ? 'it came from the back/forward cache' : 'it was loaded anew';
}
