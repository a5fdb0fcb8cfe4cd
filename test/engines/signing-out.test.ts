import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import type {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

/** Everything that the library stores for the origin: its databases and localStorage, as text. */
function kept({page}: Tab): Promise<string> {
  return page.evaluate(async () => {
    const found: unknown[] = [{...localStorage}];
    for (const {name} of await indexedDB.databases()) {
      if (!name?.startsWith('sharedb-tabs')) continue;
      const database = await new Promise<IDBDatabase | undefined>(resolve => {
        const request = indexedDB.open(name);
        // The database was deleted meanwhile, and must not be created again.
        request.onupgradeneeded = () => request.transaction!.abort();
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(undefined);
      });
      for (const store of database?.objectStoreNames ?? []) {
        const request = database!.transaction(store).objectStore(store).getAll();
        await new Promise(resolve => { request.onsuccess = resolve; });
        found.push(name, store, request.result);
      }
      database?.close();
    }
    return JSON.stringify(found);
  });
}

const signOut = ({page}: Tab): Promise<string> => page.evaluate(() =>
  (globalThis.editor as {connection: {clear(): Promise<void>}}).connection.clear().then(() => 'cleared', (error: Error) => String(error)));

/** The user of this tab types without a server until the text is on the disk. */
async function typeOffline(stage: EngineStage, tab: Tab, ...others: Tab[]): Promise<void> {
  await stage.goOffline(tab, ...others);
  await tab.typeAtOnce(10, 'stay');
  await until('it is on the disk', async () => stage.count(tab, await kept(tab)) >= 10);
}

/** The next user signs in, and must get nothing of the last one, whatever the last one's tabs do. */
async function expectNothingOf(stage: EngineStage, gone: Tab, next: Tab): Promise<void> {
  await stage.untilSaved(next);
  await next.typeAtOnce(5, 'stay');
  await until('the server has what the next user types', async () => stage.count(next, await stage.servers.text()) === 5);
  await stage.untilSaved(next);
  const letters = await next.page.evaluate(() =>
    (globalThis.editor as {connection: {deadLetters: {list(): Promise<unknown[]>}}}).connection.deadLetters.list());
  expect(letters, 'dead letters').to.deep.equal([]);
  expect(stage.count(gone, (await next.look()).text), 'shown').to.equal(0);
  expect(stage.count(gone, await stage.servers.text()), 'at the server').to.equal(0);
  expect(stage.count(gone, await kept(next)), 'on the disk').to.equal(0);
}

inEveryEngine('signing out', open => {
  it('deletes the offline edits before the next user signs in', async () => {
    const stage = await open();
    const tab = await stage.openTab();
    await stage.untilSaved(tab);
    await typeOffline(stage, tab);
    expect(await signOut(tab)).to.equal('cleared');
    expect(stage.count(tab, await kept(tab)), 'on the disk').to.equal(0);
    await stage.servers.goOnline();
    const next = await stage.openTab();
    // A page that is still open is suspended, and posts its orphaned ops.
    await tab.leave();
    await expectNothingOf(stage, tab, next);
  });

  it('ends other tabs, which write nothing any more', async () => {
    const stage = await open();
    const [first, second] = await stage.openTwoTabs();
    await typeOffline(stage, second, first);
    expect(await signOut(first)).to.equal('cleared');
    await second.until('it is closed', ({state}) => state === 'closed');
    await second.typeAtOnce(5, 'stay');
    await stage.servers.goOnline();
    const next = await stage.openTab();
    await second.typeAtOnce(5, 'leave');
    await second.untilElsewhere();
    await expectNothingOf(stage, second, next);
  });

  it('ends a tab that connects directly, and deletes its database', async () => {
    const stage = await open();
    const first = await stage.openTab();
    const direct = await stage.openTab('direct', {direct: ''});
    for (const tab of [first, direct]) await stage.untilSaved(tab);
    await typeOffline(stage, direct, first);
    expect(await signOut(first)).to.equal('cleared');
    await direct.until('it is closed', ({state}) => state === 'closed');
    await direct.typeAtOnce(5, 'stay');
    expect(stage.count(direct, await kept(first)), 'on the disk').to.equal(0);
    await stage.servers.goOnline();
    await expectNothingOf(stage, direct, await stage.openTab('direct', {direct: ''}));
  });

  it('ends a tab in the back/forward cache when the page is restored', async () => {
    const stage = await open();
    const [first, away] = await stage.openTwoTabs();
    await typeOffline(stage, away, first);
    await away.leave();
    expect(await signOut(first)).to.equal('cleared');
    await stage.servers.goOnline();
    const next = await stage.openTab();
    await stage.untilSaved(next);
    await away.goBack();
    await until('its page has its script', () => away.page.evaluate(() => 'connection' in globalThis.editor).catch(() => false));
    const isFromCache = await away.isFromCache();
    if (isFromCache) await away.until('it is closed', ({state}) => state === 'closed');
    console.log(`      ${isFromCache ? 'it came from the back/forward cache' : 'it was loaded anew'}`);
    await expectNothingOf(stage, away, next);
  });
});
