import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noFreeze} from './reasons.js';
import type {Tab} from './tab.js';

inEveryEngine('a frozen tab', open => {
  for (const which of ['the first', 'another'] as const) {
    it(`shows all of the 300 edits of other tabs after it is resumed, ${which} of the tabs`, async () => {
      const stage = await open();
      const tabs: Tab[] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
      for (const tab of tabs) await stage.untilSaved(tab);
      const frozen = tabs[which === 'the first' ? 0 : 2]!;
      const others = tabs.filter(tab => tab !== frozen);
      const [second, third] = others as [Tab, Tab];
      await frozen.typeAtOnce(10, 'stay');
      await frozen.page.freeze!();
      const before = stage.count(second, await stage.servers.text());

      await Promise.all(others.map(tab => tab.typeSteadily(150)));
      await second.untilItShows(third);
      await third.untilItShows(second);
      await until('edits reach the server meanwhile', async () => stage.count(second, await stage.servers.text()) > before);

      await frozen.page.resume!();
      for (const other of others) await frozen.untilItShows(other);
      await frozen.typeAt('end', 10);
      for (const other of others) await other.untilItShows(frozen);
      await stage.expectAllSaved(tabs);
    });
  }
}, {Firefox: noFreeze, WebKitGTK: noFreeze});
