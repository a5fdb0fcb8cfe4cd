import {expect} from 'chai';
import {inEveryEngine} from './cases.js';

inEveryEngine('tabs that start at the same time', open => {
  for (const [title, count] of [['two', 2], ['twenty', 20]] as const) {
    it(`${title} of them share one WebSocket and all edits`, async function () {
      // Twenty pages of WebKitGTK keep two slow cores busy for more than a minute.
      this.timeout(300_000);
      const stage = await open();
      const tabs = await stage.openTabsAtOnce(count);
      await Promise.all(tabs.map(tab => tab.typeByItself(5)));
      for (const tab of tabs) await tab.untilItShowsAll(tabs);
      await stage.expectAllSaved(tabs);
      const {mostAtOnce, total} = stage.servers.sockets;
      expect({mostAtOnce, total}).to.deep.equal({mostAtOnce: 1, total: 1});
    });
  }
});
