import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import type {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

/** After this many ms, an idle tab has loaded the code to become the host. */
const LOADED_AHEAD_MS = 4000;

/** Ends the host: the worker closes itself, because only one engine has a command for it; otherwise the elected tab is closed. */
async function endHost(stage: EngineStage, tabs: Tab[]): Promise<Tab[]> {
  const [first, ...others] = tabs as [Tab, ...Tab[]];
  if (stage.hosting === 'shared-worker') {
    await stage.endWorker(first);
    return tabs;
  }
  expect(await first.isElected()).to.equal(true);
  await first.page.close();
  return others;
}

inEveryEngine('a host that ends while neither the page server nor the WebSocket is reachable', open => {
  for (const when of ['at once', 'after idle tabs have loaded code in advance'] as const) {
    it(`leaves no tab without a host when both are reachable again, ${when}`, async () => {
      const stage = await open();
      const tabs = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
      for (const tab of tabs) await stage.untilSaved(tab);
      if (when !== 'at once') await new Promise(resolve => setTimeout(resolve, LOADED_AHEAD_MS));
      const [, second, third] = tabs as [Tab, Tab, Tab];
      const known = await Promise.all(tabs.map(async tab => (await tab.hostStates()).length));
      await stage.servers.stopPages();
      await stage.goOffline(...tabs);
      const living = await endHost(stage, tabs);
      for (const tab of living) {
        await until('it has noticed', async () => (await tab.hostStates(known[tabs.indexOf(tab)])).some(({state}) => state === 'lost'));
      }
      const type = async (): Promise<void> => {
        for (const tab of [second, third]) await tab.typeAtOnce(5, 'stay');
      };
      // A tab that gets the code for a direct connection a moment before everything else returns gives up its unsent ops as dead
      // letters.
      if (when !== 'at once') await type();
      await stage.servers.startPages();
      await stage.servers.goOnline();
      const back = Date.now();
      for (const tab of living) await tab.until('it has a host again', ({hostState}) => hostState === 'connected');
      console.log(`      ${living.length} tabs had a host again ${Date.now() - back} ms after all came back`);
      if (when === 'at once') {
        // What a tab types before it has loaded the document from a host without the history is tested in `test/node/foreign-host.test.ts`.
        for (const tab of living) await stage.untilSaved(tab);
        await type();
      }
      await second.untilItShows(third);
      await third.untilItShows(second);
      await stage.expectAllSaved(living);
    });
  }
});
