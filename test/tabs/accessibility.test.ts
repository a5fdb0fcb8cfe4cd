import {expect} from 'chai';
import type {Page, Viewport} from 'puppeteer-core';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {axeViolations} from './axe.js';
import {ChromiumStage} from './stage.js';

const viewports: Record<string, Viewport> = {
  desktops: {width: 1280, height: 800},
  phones: {width: 390, height: 844, isMobile: true, hasTouch: true}
};

describe('the example: axe finds no violation', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  const untilText = (page: Page, selector: string, pattern: RegExp): Promise<void> => (
    until(`${selector} says ${pattern}`, () => page.$eval(selector, ({textContent}, source) => new RegExp(source).test(textContent!), pattern.source))
  );

  for (const [title, viewport] of Object.entries(viewports)) {
    it(`on ${title}: with others and a text that scrolls, in light and dark colours, and offline`, async () => {
      const other = await stage.openTab();
      const page = await stage.openPage('#scratch', viewport);
      await until('both are here', () => page.$$eval('#people li', items => items.length === 2));
      await stage.addLines(40);
      await other.putCursorAt('end');
      await page.bringToFront();
      await until('the lines are there', () => page.$$eval('.ql-editor > *', lines => lines.length === 41));
      expect(await page.$eval('#editor', ({scrollHeight, clientHeight}) => scrollHeight > clientHeight), 'scrolls').to.equal(true);
      await page.waitForSelector('.cursor');
      for (const value of ['light', 'dark']) {
        await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value}]);
        await untilText(page, '#status-summary', /^All changes saved$/);
        expect(await axeViolations(page), value).to.eql([]);
      }
      await stage.server.stop();
      await page.click('.ql-editor p');
      await page.keyboard.sendCharacter('offline');
      await untilText(page, '#status-summary', /^Offline\. .* to be sent/);
      for (const value of ['light', 'dark']) {
        await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value}]);
        expect(await axeViolations(page), `offline, ${value}`).to.eql([]);
      }
    });

    it(`on ${title}: while nothing is loaded, in an empty list, and where a document is missing`, async () => {
      await stage.server.stop();
      const page = await stage.openPage('', viewport);
      await untilText(page, '#status-summary', /^Offline$/);
      expect(await axeViolations(page), 'not loaded').to.eql([]);
      await stage.server.start();
      await untilText(page, '#document-list', /Scratch pad/);
      await page.evaluate(() => { location.hash = 'missing'; });
      await untilText(page, '#notice', /no such document/);
      expect(await axeViolations(page), 'missing').to.eql([]);
      const list = await stage.list();
      await settled(done => list.submitOp([{p: ['documents'], od: list.data.documents, oi: []}], undefined, done));
      await page.waitForSelector('#empty', {visible: true});
      expect(await axeViolations(page), 'empty').to.eql([]);
    });
  }
});
