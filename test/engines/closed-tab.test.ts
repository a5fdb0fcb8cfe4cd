import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noPagehide} from './reasons.js';

inEveryEngine('closing a tab', open => {
  it('during typing loses no edit, and keeps their order', async () => {
    const stage = await open();
    const [first, second] = await stage.openTwoTabs();
    await first.putCursorAt('start');
    const typing = first.type(30).catch(() => {});
    await second.untilItShows(first, 15);
    const shown = stage.count(first, (await second.look()).text);
    await first.page.close();
    await typing;
    const text = await stage.expectAllSaved([second], new Map([[first, shown]]));
    console.log(`      ${stage.count(first, text)} of ${first.pressed} keystrokes survived, ${shown} of which had been shown in another tab`);
  });

  for (const server of ['up', 'down'] as const) {
    for (const company of ['with', 'without'] as const) {
      it(`in the turn of its last edits loses none of them, ${company} another tab, the server ${server}`, async () => {
        const stage = await open();
        const tab = await stage.openTabFromScript();
        const others = company === 'with' ? [await stage.openTab()] : [];
        for (const each of [tab, ...others]) await stage.untilSaved(each);
        if (server === 'down') await stage.goOffline(tab, ...others);
        await tab.typeAtOnce(10, 'close').catch(() => {});
        await until('it is closed', () => tab.page.isClosed || tab.page.evaluate(() => false).catch(() => tab.page.isClosed));
        const last = others[0] ?? await stage.openTab();
        await last.untilItShows(tab);
        await stage.servers.goOnline();
        await stage.expectAllSaved([last]);
      });
    }
  }
});

inEveryEngine('closing a tab through the driver', open => {
  it('right after its last edits loses none of them', async () => {
    const stage = await open();
    const [first, second] = await stage.openTwoTabs();
    await first.typeAtOnce(10, 'stay');
    // The page has them; nobody knows whether the host does.
    await first.page.close();
    // What the host had not got is its orphaned ops, which the other tab finds a moment later.
    await second.untilItShows(first);
    await stage.expectAllSaved([second]);
  });
}, {'Firefox, elected-tab': noPagehide});
