import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';
import type {Tab} from './tab.js';

/** Closes the tab as its user does. @returns whether the browser asks, and the user stays */
async function asksWhenClosed({page}: Tab): Promise<boolean> {
  let hasAsked = false;
  page.once('dialog', dialog => {
    hasAsked = dialog.type() === 'beforeunload';
    void dialog.dismiss();
  });
  await page.close({runBeforeUnload: true});
  await until('it is closed, or the browser asks', () => hasAsked || page.isClosed());
  return hasAsked;
}

/** Whether the page wants the browser to ask: what its listeners do with the event. The browser decides by itself whether it follows. */
const wantsToAsk = ({page}: Tab): Promise<boolean> =>
  page.evaluate(() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true})));

const saveState = ({page}: Tab): Promise<string> => page.evaluate(() => (globalThis.editor as {connection: {saveState: string}}).connection.saveState);

describe('closing a tab with edits that the server does not have', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  /** Browsers ask only for pages that the user has done something in: typing is enough. */
  async function typeWithoutServer(query: string): Promise<Tab> {
    const tab = await stage.openTab({query});
    await stage.server.stop();
    await until('the tab knows it', async () => (await tab.status('state')) !== 'connected');
    await tab.page.bringToFront();
    await tab.page.click('.ql-editor');
    await tab.typeAtEnd('abc');
    await tab.untilText('it is typed', text => text.includes('abc'));
    await until('it is not saved', async () => (await saveState(tab)) !== 'saved');
    await until('the browser has noticed the user', () => tab.page.evaluate(() => navigator.userActivation.hasBeenActive));
    return tab;
  }

  it('asks the user without a store, unless another tab stays open', async () => {
    const tab = await typeWithoutServer('?no-store&ask');
    await until('the page wants the browser to ask', () => wantsToAsk(tab));
    const known = await tab.page.evaluate(() => {
      const {status, hostState, state} = (globalThis.editor as {connection: {status: object; hostState: string; state: string}}).connection;
      const {visibilityState, readyState} = document;
      return JSON.stringify({status, hostState, state, visibilityState, readyState, hasBeenActive: navigator.userActivation.hasBeenActive});
    });
    expect(await asksWhenClosed(tab), known).to.equal(true);
    const other = await stage.openTabOffline('?no-store&ask');
    await tab.untilStatus('tabs', '2');
    await until('the page does not want it any more', async () => !(await wantsToAsk(tab)));
    expect(await asksWhenClosed(tab)).to.equal(false);
    await other.untilText('the other tab has it', text => text.includes('abc'));
  });

  it('does not ask the user with a store', async () => {
    const tab = await typeWithoutServer('?ask');
    await until('it is stored', async () => (await saveState(tab)) === 'local');
    await until('the page does not want the browser to ask', async () => !(await wantsToAsk(tab)));
    expect(await asksWhenClosed(tab)).to.equal(false);
    const next = await stage.openTabOffline();
    await next.untilText('it is there', text => text.includes('abc'));
  });
});
