import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {noOfflineCommand} from './reasons.js';
import type {Tab} from './tab.js';

/** Both tabs type, with or without a server, and see each other's text. */
async function typeOn([first, second]: [Tab, Tab]): Promise<void> {
  await Promise.all([first.typeSteadily(20), second.typeSteadily(20)]);
  await first.untilItShows(second);
  await second.untilItShows(first);
}

inEveryEngine('after an unreachable server,', open => {
  it('that was stopped, the server receives the edits made meanwhile', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    await stage.goOffline(...tabs);
    await typeOn(tabs);
    await stage.servers.goOnline();
    await stage.expectAllSaved(tabs);
    expect(stage.servers.sockets.mostAtOnce, 'WebSockets at once').to.equal(1);
  });

  it('that was restarted three times during typing, no edit is missing', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    let typing = true;
    const type = async (tab: Tab) => {
      while (typing) await tab.typeSteadily(1);
    };
    const typed = Promise.all(tabs.map(type));
    for (let i = 1; i <= 3; i++) {
      const keys = tabs.map(({pressed}) => pressed + 10);
      await until('both have typed on', () => tabs.every(({pressed}, t) => pressed >= keys[t]!));
      await stage.servers.goOffline();
      await stage.servers.goOnline();
      await until('there is a new WebSocket', () => stage.servers.sockets.total > i);
    }
    typing = false;
    await typed;
    await stage.expectAllSaved(tabs);
    expect(stage.servers.sockets.mostAtOnce, 'WebSockets at once').to.equal(1);
  });

  it('behind a network that dropped all packets, the server receives the edits made meanwhile', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    stage.servers.loseNetwork();
    await typeOn(tabs);
    stage.servers.findNetwork();
    await stage.expectAllSaved(tabs);
  });
});

inEveryEngine('an offline browser', open => {
  it('lets its tabs continue, and the server receives the edits made meanwhile', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    const pages = tabs.map(({page}) => page);
    await stage.browser.setOffline!(stage.servers.url, pages, true);
    await typeOn(tabs);
    await stage.browser.setOffline!(stage.servers.url, pages, false);
    await typeOn(tabs);
    await stage.expectAllSaved(tabs);
  });
}, {Firefox: noOfflineCommand, WebKitGTK: noOfflineCommand});
