import {expect} from 'chai';
import {Stage} from './stage.js';
import {inEveryEngine} from './table.js';

inEveryEngine('a browser that is killed', engine => {
  let stage: Stage;

  beforeEach(async function () {
    this.timeout(60_000);
    stage = await Stage.open(engine);
  });

  afterEach(async function () {
    this.timeout(60_000);
    await stage.close(this.currentTest?.state === 'failed');
  });

  it('offline has kept what was typed, and the server gets it once', async function () {
    this.timeout(120_000);
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
    stage.expectTokens((await third.look()).text);
    expect((await third.look()).pendingOps, 'ops that wait').to.be.above(0);
    await third.putCursorAt('end');
    await third.type(10);
    const fourth = await stage.openTab();
    await fourth.untilItShows(third);
    await stage.killBrowser();

    const fifth = await stage.openTab();
    stage.expectTokens((await fifth.look()).text);
    await fifth.putCursorAt('end');
    await fifth.type(10);
    await stage.servers.goOnline();
    await fifth.type(10);
    await stage.expectAllSaved([fifth]);
  });

  it('in mid-typing has kept what others were shown, and the server gets it once', async function () {
    this.timeout(120_000);
    let tab = await stage.openTab();
    const shown = new Map([[tab, 0]]);
    for (let round = 0; round < 3; round++) {
      const other = await stage.openTab();
      await tab.putCursorAt('end');
      let ending = false;
      const typing = (async () => {
        for (;;) await tab.press();
      })().catch(error => { if (!ending) throw error; });
      for (let keys = 10; keys <= 50; keys += 10) {
        await other.until(`it shows ${keys} keystrokes`, ({text}) => stage.count(tab, text) >= keys);
      }
      // What is there at the last moment at which anybody could look, while typing goes on.
      const [{text}, onServer] = await Promise.all([other.look(), stage.servers.text()]);
      shown.set(tab, Math.max(stage.count(tab, text), stage.count(tab, onServer)));
      ending = true;
      await stage.killBrowser();
      await typing;
      tab = await stage.openTab();
      shown.set(other, 0).set(tab, 0);
      await stage.expectAllSaved([tab], shown);
    }
  });
});
