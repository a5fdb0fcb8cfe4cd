import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {Stage} from './stage.js';
import {inChromiumOnly} from './table.js';
import {killSharedWorker} from './worker.js';

const times = Number(process.env.KILLS ?? 10);

inChromiumOnly('a worker that is killed ten times in mid-typing', 'which has no command that ends a worker', engine => {
  let stage: Stage;

  beforeEach(async function () {
    this.timeout(60_000);
    stage = await Stage.open(engine);
  });

  afterEach(async function () {
    this.timeout(60_000);
    await stage.close(this.currentTest?.state === 'failed');
  });

  for (const server of ['up', 'down'] as const) {
    it(`takes no keystroke along while the server is ${server}, and doubles none`, async function () {
      this.timeout(300_000);
      const tabs = await stage.openTwoTabs();
      const [first, second] = tabs;
      if (server === 'down') await stage.goOffline(...tabs);
      await first.putCursorAt('start');
      await second.putCursorAt('end');
      let done = false;
      const typing = Promise.all(tabs.map(async tab => {
        while (!done) await tab.press();
      }));
      const recoveries: number[] = [];
      const killing = async () => {
        for (let i = 0; i < times; i++) {
          const keys = tabs.map(({pressed}) => pressed + 10);
          await until('both have typed on', () => tabs.every((tab, i) => tab.pressed >= keys[i]!));
          const before = await Promise.all(tabs.map(async tab => (await tab.hostStates()).length));
          const killed = Date.now();
          await killSharedWorker(stage.browser);
          for (const [n, tab] of tabs.entries()) {
            await until(`tab ${n} has a host again`, async () =>
              (await tab.hostStates(before[n])).at(-1)?.state === 'connected');
            const since = await tab.hostStates(before[n]);
            expect(since.map(({state}) => state)).to.deep.equal(['lost', 'connected']);
            recoveries.push(since.at(-1)!.at - killed);
          }
        }
      };
      try {
        await Promise.race([killing(), typing]);
      } finally {
        done = true;
      }
      await typing;
      recoveries.sort((a, b) => a - b);
      console.log(`      server ${server}: tabs connected again after ${recoveries[0]} to ${recoveries.at(-1)} ms, ` +
        `median ${recoveries[recoveries.length >> 1]} ms; ${tabs.map(({pressed}) => pressed).join(' and ')} keystrokes`);
      if (server === 'down') {
        await first.untilItShows(second);
        await second.untilItShows(first);
        await stage.servers.goOnline();
      }
      await stage.expectAllSaved(tabs);
    });
  }
});
