import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noCrash, postedTooLate} from './reasons.js';
import type {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

/** The first tab has started the worker, or is the elected one. The others type while it ends. */
async function openThree(stage: EngineStage, server: 'up' | 'down'): Promise<[Tab, Tab, Tab]> {
  const tabs: [Tab, Tab, Tab] = [await stage.openTab(), await stage.openTab(), await stage.openTab()];
  for (const tab of tabs) await stage.untilSaved(tab);
  if (stage.hosting === 'elected-tab') expect(await Promise.all(tabs.map(tab => tab.isElected()))).to.deep.equal([true, false, false]);
  if (server === 'down') await stage.goOffline(...tabs);
  return tabs;
}

for (const [how, ends] of [
  ['is closed', ({page}: Tab) => page.close()],
  ['is reloaded', ({page}: Tab) => page.reload()],
  ['loads another page', (tab: Tab) => tab.leave()]
] as const) {
  inEveryEngine(`when the first tab, which may run the host, ${how},`, open => {
    for (const server of ['up', 'down'] as const) {
      it(`during typing, no edit is lost, the server ${server}`, async () => {
        const stage = await open();
        const [first, second, third] = await openThree(stage, server);
        await first.typeAtOnce(10, 'stay');
        let typing = true;
        const type = async (tab: Tab) => {
          while (typing) await tab.typeSteadily(1);
        };
        const typed = Promise.all([type(second), type(third)]);
        await until('the others type', () => second.pressed > 10 && third.pressed > 10);
        await ends(first);
        const pressed = second.pressed;
        await until('the others type on', () => second.pressed > pressed + 10);
        typing = false;
        await typed;

        const tabs = [second, third];
        if (how === 'is reloaded') {
          await stage.untilReady(first);
          await first.typeAt('end', 10);
          tabs.push(first);
        }
        await second.typeAt('end', 10);
        for (const tab of tabs) for (const other of [first, second, third]) await tab.untilItShows(other);
        await stage.servers.goOnline();
        await stage.expectAllSaved(tabs);
        expect(stage.servers.sockets.mostAtOnce, 'WebSockets at once').to.equal(1);
      });
    }
  });
}

for (const store of ['with', 'without'] as const) inEveryEngine(`a crash of the first tab, on which the host may depend, ${store} a store,`, open => {
  for (const server of ['up', 'down'] as const) {
    it(`during typing, the other tabs continue, the server ${server}`, async () => {
      const stage = await open({store});
      const [first, ...others] = await openThree(stage, server);
      const [second, third] = others;
      await first.typeAt('start', 20);
      await second.untilItShows(first);
      // If the tab that crashes is the host, the ten ops have not been handed over.
      await Promise.all([first.typeAtOnce(10, 'stay').catch(() => {}), first.page.crash!(), second.typeSteadily(20)]);
      for (const tab of others) await tab.until('it has a host', ({hostState}) => hostState === 'connected');

      await third.typeAt('end', 20);
      await second.typeAt('end', 20);
      await second.untilItShows(third);
      await third.untilItShows(second);
      await stage.servers.goOnline();
      // If no new worker can be started, an elected tab is accepted, if it is so for all tabs.
      const {mode} = await second.look();
      const fourth = await stage.openTab(mode);
      await fourth.typeAt('end', 10);
      const text = await stage.expectAllSaved([...others, fourth], new Map([[first, 20]]));
      expect(stage.servers.sockets.mostAtOnce, 'WebSockets at once').to.equal(1);
      console.log(`      ${stage.count(first, text) - 20} of 10 keystrokes survived that nobody had seen when their tab crashed; the mode is ${mode}`);
    });
  }
}, {WebKitGTK: noCrash, ...(store === 'without' && {'elected-tab': postedTooLate})});

inEveryEngine('crashes of one elected tab after another', open => {
  it('lose no edit of the other tabs', async () => {
    const stage = await open();
    const tabs: Tab[] = [];
    for (let i = 0; i < 4; i++) tabs.push(await stage.openTab());
    for (const tab of tabs) await stage.untilSaved(tab);
    const living = new Set(tabs);
    while (living.size > 1) {
      const elected = await electedOf(living);
      living.delete(elected);
      for (const tab of [elected, ...living]) await tab.typeSteadily(5);
      for (const tab of living) await tab.untilItShows(elected);
      await Promise.all([elected.page.crash!(), ...[...living].map(tab => tab.typeSteadily(20))]);
      for (const tab of living) for (const other of tabs) await tab.untilItShows(other);
    }
    await stage.expectAllSaved([...living]);
  });
}, {'shared-worker': 'No tab is elected where there are shared workers', WebKitGTK: noCrash});

async function electedOf(tabs: Iterable<Tab>): Promise<Tab> {
  let elected: Tab | undefined;
  await until('a tab is elected', async () => {
    for (const tab of tabs) if (await tab.isElected()) elected = tab;
    return elected !== undefined;
  });
  return elected!;
}
