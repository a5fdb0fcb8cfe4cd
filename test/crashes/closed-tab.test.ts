import {Stage} from './stage.js';
import {inEveryEngine} from './table.js';
import {until} from '../waiting/until.js';

inEveryEngine('a tab that is closed', engine => {
  let stage: Stage;

  beforeEach(async function () {
    this.timeout(60_000);
    stage = await Stage.open(engine);
  });

  afterEach(async function () {
    this.timeout(60_000);
    await stage.close(this.currentTest?.state === 'failed');
  });

  it('in mid-typing leaves all that was shown, in order', async function () {
    this.timeout(60_000);
    const [first, second] = await stage.openTwoTabs();
    await first.putCursorAt('start');
    await first.type(20);
    await second.untilItShows(first);
    const keys = first.type(10).catch(() => {});
    await second.untilItShows(first, 25);
    await first.page.close({runBeforeUnload: false});
    await keys;
    const text = await stage.expectAllSaved([second], new Map([[first, 25]]));
    console.log(`      ${stage.count(first, text)} of ${first.pressed} keystrokes survived, 25 of which had been shown in another tab`);
  });

  it('by command right after the last keystrokes leaves them all', async function () {
    this.timeout(60_000);
    const [first, second] = await stage.openTwoTabs();
    await first.typeAtOnce(10, 'stay');
    // The page has them; nobody knows whether the host does.
    await first.page.close({runBeforeUnload: false});
    await stage.expectAllSaved([second]);
  });

  for (const server of ['up', 'down'] as const) {
    for (const company of ['with', 'without'] as const) {
      it(`in the turn of its last keystrokes leaves them, ${company} another tab, the server ${server}`, async function () {
        this.timeout(60_000);
        const tab = await stage.openTabFromScript();
        const others = company === 'with' ? [await stage.openTab()] : [];
        for (const each of [tab, ...others]) await stage.untilSaved(each);
        if (server === 'down') await stage.goOffline(tab, ...others);
        await tab.typeAtOnce(10, 'close').catch(() => {});
        await until('it is closed', () => tab.page.isClosed());
        const last = others[0] ?? await stage.openTab();
        await last.untilItShows(tab);
        await stage.servers.goOnline();
        await stage.expectAllSaved([last]);
      });
    }
  }
});
