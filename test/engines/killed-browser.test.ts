import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noDisk} from './reasons.js';
import type {Tab} from './tab.js';

inEveryEngine('killing the browser', open => {
  it('offline loses no edit, and the server applies each once', async () => {
    const stage = await open({onDisk: true, store: 'written'});
    const [first, second] = await stage.openTwoTabs();
    expect((await first.look()).durable, 'durable').to.equal(true);
    await stage.goOffline(first, second);
    await first.putCursorAt('start');
    await first.type(20);
    await second.putCursorAt('end');
    await second.type(20);
    await first.untilItShows(second);
    await second.untilItShows(first);
    await stage.killBrowser();

    const third = await stage.openTab();
    stage.expectAllTyped((await third.look()).text);
    await third.until('edits wait', ({pendingOps}) => pendingOps > 0);
    await third.putCursorAt('end');
    await third.type(10);
    const fourth = await stage.openTab();
    await fourth.untilItShows(third);
    await stage.killBrowser();

    const fifth = await stage.openTab();
    stage.expectAllTyped((await fifth.look()).text);
    await fifth.putCursorAt('end');
    await fifth.type(10);
    await stage.servers.goOnline();
    await fifth.type(10);
    await stage.expectAllSaved([fifth]);
  });

  for (const [server, store, kept] of [
    ['up', 'written', 'the edits that other tabs have shown'], ['down', 'written', 'the edits that other tabs have shown'],
    // Other tabs show the last keystrokes before they are written.
    ['up', 'with', 'the first of the edits that other tabs have shown, and those that the server has']
  ] as const) {
    it(`during typing keeps ${kept}, and the server applies each edit once, the server ${server}`, async () => {
      const stage = await open({onDisk: true, store});
      const shown = new Map<Tab, number>();
      let [tab, other] = await stage.openTwoTabs();
      if (server === 'down') await stage.goOffline(tab, other);
      for (let round = 0; round < 2; round++) {
        await tab.putCursorAt('end');
        let ending = false;
        const typing = (async () => {
          for (;;) await tab.press();
        })().catch(error => { if (!ending) throw error; });
        await other.untilItShows(tab, 50);
        // The state at the last moment before the kill, while typing continues.
        const [{text}, onServer] = await Promise.all([other.look(), stage.servers.text()]);
        const counts = [stage.count(tab, onServer), ...(store === 'written' ? [stage.count(tab, text)] : [])];
        shown.set(other, 0).set(tab, Math.max(...counts));
        ending = true;
        await stage.killBrowser();
        await typing;

        const ended = tab;
        [tab, other] = [await stage.openTab(), await stage.openTab()];
        await tab.untilItShows(ended, shown.get(ended));
        const survived = stage.count(ended, (await tab.look()).text);
        console.log(`      ${survived} of ${ended.pressed} keystrokes survived, ${shown.get(ended)} of which had to, with the store '${store}'`);
        shown.set(ended, survived);
      }
      await stage.servers.goOnline();
      await stage.expectAllSaved([tab, other], shown);
    });
  }

  it('before it has received an acknowledgement does not apply the edit twice', async () => {
    const stage = await open({onDisk: true, store: 'written'});
    const [first, second] = await stage.openTwoTabs();
    stage.servers.holdAnswers();
    await first.typeAtOnce(1, 'stay');
    await until('the server has it', async () => stage.count(first, await stage.servers.text()) === 1);
    // These edits are based on edits that the server has not acknowledged, and wait.
    await first.typeAtOnce(5, 'stay');
    await second.typeAtOnce(5, 'stay');
    await first.untilItShows(second);
    await second.untilItShows(first);
    await stage.killBrowser();

    const third = await stage.openTab();
    await third.typeAtOnce(5, 'stay');
    await stage.expectAllSaved([third]);
  });
}, {WebKitGTK: noDisk});
