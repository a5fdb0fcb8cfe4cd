import {expect} from 'chai';
import type {TabConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {sameServerCode} from './reasons.js';
import type {Tab} from './tab.js';

declare global {
  /** The reported ends of the connection. */
  var endings: unknown[] | undefined;
}

function deadLetters({page}: Tab): Promise<{doc: string; code: unknown}[]> {
  return page.evaluate(async () => {
    const {connection} = globalThis.editor as {connection: TabConnection};
    return (await connection.deadLetters.list()).map(({doc, error}) => ({doc, code: error.code}));
  });
}

inEveryEngine('a server', open => {
  it('that refuses an op because of its size (1009) receives all other ops, and this one becomes a dead letter', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    const [first, second] = tabs;
    stage.servers.limitMessages(50_000);
    await first.page.evaluate(() => {
      const {connection} = globalThis.editor as {connection: TabConnection};
      connection.get('notes', 'large').create({text: 'x'.repeat(100_000)}, () => {});
    });
    await first.typeSteadily(10);
    await second.typeSteadily(10);
    await until('the op is a dead letter', async () => (await deadLetters(second)).length > 0);
    expect(await deadLetters(first)).to.deep.equal([{doc: 'large', code: 'ERR_TABS_OP_TOO_LARGE'}]);
    await second.typeSteadily(5);
    await stage.expectAllSaved(tabs);
  });

  it('whose WebSocket opens but stays silent gets another connection attempt', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    await stage.goOffline(...tabs);
    const {total} = stage.servers.sockets;
    stage.servers.muteNext();
    await stage.servers.goOnline();
    await tabs[0].typeSteadily(10);
    await until('there is another WebSocket', () => stage.servers.sockets.total >= total + 2);
    await stage.expectAllSaved(tabs);
  });

  it('that is restarted with another database decides the state of every tab', async () => {
    const stage = await open();
    const [first, second] = await stage.openTwoTabs();
    await first.typeSteadily(10);
    await second.untilItShows(first);
    await stage.untilSaved(first);
    await stage.servers.replaceDatabase();
    for (const tab of [first, second]) await tab.untilOnline();
    // At the latest, an edit shows that the server does not know its version.
    await first.typeAtOnce(1, 'stay');
    for (const tab of [first, second]) {
      await tab.until('it shows what the server has', ({text, hasPending}) => !hasPending && stage.count(first, text) <= 1);
    }
    await second.typeSteadily(5);
    await stage.untilSaved(second);
    const text = await stage.servers.text();
    expect(stage.count(second, text)).to.equal(5);
    for (const tab of [first, second]) await tab.until('it has the same text', view => view.text === text);
  });

  it('that closes the WebSocket with a code of its own is reported in every tab', async () => {
    const stage = await open();
    const tabs = await stage.openTwoTabs();
    for (const {page} of tabs) {
      await page.evaluate(() => {
        const {connection} = globalThis.editor as {connection: TabConnection};
        globalThis.endings = [];
        connection.on('disconnected', reason => {
          const {code, reason: text} = (reason ?? {}) as {code?: unknown; reason?: unknown};
          globalThis.endings!.push({code, reason: text});
        });
      });
    }
    stage.servers.closeSockets(4401, 'token expired');
    for (const {page} of tabs) {
      await until('the tab has heard of it', () => page.evaluate(() => globalThis.endings!.length > 0));
      expect(await page.evaluate(() => globalThis.endings)).to.deep.equal([{code: 4401, reason: 'token expired'}]);
    }
    await tabs[0].typeSteadily(5);
    await stage.expectAllSaved(tabs);
  });
}, {'elected-tab': sameServerCode});
