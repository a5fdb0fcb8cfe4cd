import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noWorkerCommand, noWorkerToKill} from './reasons.js';
import type {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

const times = 10;

inEveryEngine('killing the worker', open => {
  const stores = {with: 'with a store', without: 'without a store', written: 'with a store that shows only what is written'};
  for (const [server, store] of [
    ['up', 'with'], ['down', 'with'], ['up', 'without'], ['down', 'without'], ['down', 'written']
  ] as const) {
    it(`ten times during typing loses and duplicates no edit, ${stores[store]}, the server ${server}`, async () => {
      const stage = await open({store});
      const tabs = await stage.openTwoTabs();
      const [first, second] = tabs;
      expect((await first.look()).durable, 'durable').to.equal(store !== 'without');
      if (server === 'down') await stage.goOffline(...tabs);
      await first.putCursorAt('start');
      await second.putCursorAt('end');

      const recoveries: number[] = [];
      let done = false;
      const kill = async () => {
        for (let i = 0; i < times; i++) {
          await untilTypedOn(tabs);
          recoveries.push(...await killAndRecover(stage, tabs));
        }
      };
      const type = async (tab: Tab) => {
        while (!done) await tab.press();
      };
      await Promise.all([kill().finally(() => done = true), ...tabs.map(type)]);

      recoveries.sort((a, b) => a - b);
      console.log(`      ${tabs.map(({pressed}) => pressed).join(' and ')} keystrokes, ${stores[store]}, the server ${server}: tabs had a host again ` +
        `after ${recoveries[0]} to ${recoveries.at(-1)} ms, median ${recoveries[recoveries.length >> 1]} ms`);
      await first.untilItShows(second);
      await second.untilItShows(first);
      await stage.servers.goOnline();
      await stage.expectAllSaved(tabs);
    });
  }

  it('before it has received an acknowledgement does not apply the edit twice', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    const [first, second] = tabs;
    stage.servers.holdAnswers();
    await first.typeAtOnce(1, 'stay');
    await until('the server has it', async () => stage.count(first, await stage.servers.text()) === 1);
    await first.typeAtOnce(5, 'stay');
    await second.typeAtOnce(5, 'stay');
    await killAndRecover(stage, tabs);
    await second.typeAtOnce(5, 'stay');
    await stage.expectAllSaved(tabs);
  });
}, {Firefox: noWorkerCommand, WebKitGTK: noWorkerCommand, 'elected-tab': noWorkerToKill});

async function untilTypedOn(tabs: Tab[]): Promise<void> {
  const keys = tabs.map(({pressed}) => pressed + 10);
  await until('all have typed on', () => tabs.every((tab, i) => tab.pressed >= keys[i]!));
}

/** @returns how long each tab had no host, in ms since the worker was killed */
async function killAndRecover({browser, servers}: EngineStage, tabs: Tab[]): Promise<number[]> {
  const known = await Promise.all(tabs.map(async tab => (await tab.hostStates()).length));
  const killed = Date.now();
  await browser.killSharedWorker!(servers.url);
  return Promise.all(tabs.map(async (tab, i) => {
    await until(`the tab of typist ${tab.typist} has a host again`, async () =>
      (await tab.hostStates(known[i])).at(-1)?.state === 'connected');
    const since = await tab.hostStates(known[i]);
    expect(since.map(({state}) => state)).to.deep.equal(['lost', 'connected']);
    return since[1]!.at - killed;
  }));
}
