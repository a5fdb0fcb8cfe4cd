import {expect} from 'chai';
import type {Page} from 'puppeteer-core';
import {startServer} from '../../examples/editor/server.js';
import {build} from '../../examples/services/build.js';
import {until} from '../waiting/until.js';
import {PageStage} from './page-stage.js';

/** The globals that the example sets for tests: see its main.ts. */
interface Example {
  connection: {hostState: string};
  words: {
    add(line: string): Promise<number>;
    count(): Promise<number>;
    countSlowly(ms: number): Promise<number>;
    slow: Promise<number>;
  };
  doc: {data: {lines: string[]}};
}
declare const example: Example;

describe('the example with services, in real tabs', function () {
  this.timeout(180_000);
  const stage = new PageStage('services', {build, startServer});

  async function open(query = ''): Promise<Page> {
    const page = await stage.open(query);
    await page.waitForFunction(() => document.getElementById('state')!.textContent === 'ready', {timeout: 60_000});
    return page;
  }

  const text = (page: Page, id: string): Promise<string> => page.$eval(`#${id}`, element => element.textContent ?? '');

  for (const [query, tabs] of [['', 3], ['?direct', 1]] as const) {
    it(`counts and exports the text of ${tabs} tabs${query}`, async () => {
      const all: Page[] = [];
      for (let i = 0; i < tabs; i++) all.push(await open(query));
      const first = all[0]!;
      await first.type('#line', 'three more words');
      await first.keyboard.press('Enter');
      await until('the service answers', async () => (await text(first, 'answer')) === '9 words, 2 lines');
      for (const page of all) await until('each tab hears of it', async () => (await text(page, 'count')) === '9' && (await text(page, 'text')).includes('three more words'));
      const last = all.at(-1)!;
      await last.click('#export');
      await until('the text is exported', async () => (await text(last, 'exported')) === 'One text, three tabs, one service.\nthree more words\n');
    });
  }

  it('shows the service\'s line in the document of each tab that has added one when the call resolves', async () => {
    const all = [await open(), await open(), await open()];
    const missed = await Promise.all(all.map((page, tab) => page.evaluate(async name => {
      let missing = 0;
      for (let i = 0; i < 100; i++) {
        await example.words.add(`${name} ${i}`);
        if (!example.doc.data.lines.includes(`${name} ${i}`)) missing++;
      }
      return missing;
    }, `tab ${tab}`)));
    expect(missed).to.eql([0, 0, 0]);
  });

  it('has a button that a worker controls, with real clicks', async () => {
    const page = await open();
    await page.waitForSelector('#badge');
    await page.click('#badge');
    await page.click('#badge');
    await page.keyboard.down('Shift');
    await page.click('#badge');
    await page.keyboard.up('Shift');
    await until('the worker has counted', async () => (await text(page, 'badge')).startsWith('clicked 12 times'));
  });

  it('settles all calls of three tabs when the worker is killed during them, and continues with the next host', async () => {
    const all = [await open(), await open(), await open()];
    const outcomes = all.map(page => page.evaluate(async () => {
      const calls = [];
      // Of 20 calls, half are idempotent and are repeated at the next host.
      for (let i = 0; i < 20; i++) {
        const call = i % 2 ? example.words.countSlowly(1000) : (example.words as unknown as {follow(callback: () => Promise<void>): Promise<void>}).follow(() => new Promise(() => {}));
        calls.push(call.then(value => ({value}), (error: {code: string; mayHaveRun: boolean}) => ({code: error.code, mayHaveRun: error.mayHaveRun})));
      }
      return Promise.all(calls);
    }));
    await until('all are under way', async () => (await all[0]!.evaluate(() => example.words.slow)) === 30);
    await stage.killWorker();
    for (const outcome of await Promise.all(outcomes)) {
      outcome.forEach((each, i) => expect(each).to.eql(i % 2 ? {value: 6} : {code: 'ERR_REMOTE_CLOSED', mayHaveRun: true}));
    }
    for (const page of all) expect(await page.evaluate(() => example.words.count())).to.equal(6);
    const [first] = all;
    await first!.evaluate(() => example.words.add('after the crash'));
    for (const page of all) await until('each tab is told by the next host', async () => (await text(page, 'count')) === '9');
  });
});
