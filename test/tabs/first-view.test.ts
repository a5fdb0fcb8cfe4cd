import {expect} from 'chai';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {ChromiumStage} from './stage.js';

describe('the first view of the example', function () {
  this.timeout(180_000);
  let stage: ChromiumStage;

  beforeEach(async () => {
    stage = await ChromiumStage.open();
  });
  afterEach(() => stage.close());

  it('accepts no text while a document loads', async () => {
    let release!: () => void;
    const released = new Promise<void>(resolve => { release = resolve; });
    let isAsked = false;
    stage.server.backend.use('readSnapshots', ({collection}, next) => {
      if (collection !== 'documents') return next();
      isAsked = true;
      void released.then(() => next());
    });
    const page = await stage.openPage('#scratch');
    await until('the server is asked for the document', () => isAsked);
    await page.waitForSelector('#document[data-availability="loading"][aria-busy="true"]');
    expect(await page.$eval('.ql-editor', editor => getComputedStyle(editor, '::before').content)).to.equal('"Loading…"');
    await page.click('.ql-editor');
    await page.keyboard.type('lost');
    expect(await page.$eval('.ql-editor', editor => [editor.getAttribute('contenteditable'), editor.textContent])).to.eql(['false', '']);
    release();
    await page.waitForSelector('#document[aria-busy="false"]');
    await until('the document is there', () => page.$eval('.ql-editor', ({textContent}) => textContent === 'Nothing here is precious.'));
    await page.click('.ql-editor');
    await page.keyboard.type('kept ');
    await until('the server has what is typed now', async () => (await stage.textOnServer()).includes('kept '));
    expect(await stage.textOnServer()).not.to.include('lost');
  });

  it('says without the server that there is no copy of the document, until the server is reachable', async () => {
    await stage.server.stop();
    const page = await stage.openPage('');
    await until('the editor says so', () => page.$eval('.ql-editor', editor => (
      getComputedStyle(editor, '::before').content.includes('This browser has no copy of the document yet')
    )));
    expect(await page.$eval('#status-summary', ({textContent}) => textContent)).to.equal('Offline');
    expect(await page.$eval('#new-document', button => (button as HTMLButtonElement).disabled), 'nothing can be added').to.equal(true);
    await page.click('.ql-editor');
    await page.keyboard.type('lost');
    expect(await page.$eval('.ql-editor', ({textContent}) => textContent)).to.equal('');
    await stage.server.start();
    await until('the document is there', () => page.$eval('.ql-editor', ({textContent}) => textContent!.includes('One socket, many tabs')));
    await stage.server.stop();
    await until('the strip says what can be done', () => (
      page.$eval('#status-summary', ({textContent}) => textContent === 'Offline. You can go on typing.')
    ));
    await page.click('#new-document');
    await until('a document is added', () => page.$$eval('#document-list li', items => items.length === 4));
  });

  it('says the same after the last document is removed', async () => {
    const page = await stage.openPage('#scratch');
    for (let left = 3; left > 0; left--) {
      await until(`${left} are there`, () => page.$$eval('#document-list li', (items, left) => items.length === left, left));
      await page.waitForSelector('#document[data-availability="there"]');
      await page.click('#remove-document');
    }
    await page.waitForSelector('#empty', {visible: true});
    expect(await page.$eval('#notice', ({textContent}) => textContent), 'there is no other one to choose').to.equal('');
    expect(await page.$eval('#document', element => (element as HTMLElement).dataset['availability'])).to.equal('missing');
  });

  it('shows what to do if there is no document yet', async () => {
    const list = await stage.list();
    await settled(done => list.submitOp([{p: ['documents'], od: list.data.documents, oi: []}], undefined, done));
    const page = await stage.openPage('');
    await page.waitForSelector('#empty', {visible: true});
    expect(await page.$eval('#empty', ({textContent}) => textContent)).to.match(/Add one, and open another tab/);
    await page.click('#new-document');
    await page.waitForSelector('#empty', {hidden: true});
    await until('the title can be typed', () => page.evaluate(() => document.activeElement?.id === 'title'));
    await page.keyboard.type('First');
    await until('the list has it', async () => {
      await settled(done => list.fetch(done));
      return list.data.documents[0]?.title === 'First';
    });
  });

  it('works by touch on a phone', async () => {
    const page = await stage.openPage('#scratch', {width: 390, height: 844, isMobile: true, hasTouch: true});
    await until('the document is there', () => page.$eval('.ql-editor', ({textContent}) => textContent === 'Nothing here is precious.'));
    await page.tap('#document-list li[data-id="meeting"] button');
    await until('the other document is there', () => page.$eval('.ql-editor', ({textContent}) => textContent!.includes('What is done')));
    await page.tap('#document-list li[data-id="scratch"] button');
    await until('the document is back', () => page.$eval('.ql-editor', ({textContent}) => textContent === 'Nothing here is precious.'));
    await page.tap('.ql-editor p');
    await page.keyboard.sendCharacter('by touch ');
    await until('the server has it', async () => (await stage.textOnServer()).includes('by touch '));
    await page.tap('#move-up');
    await until('it is moved', () => page.$$eval('#document-list li', items => items[1]!.dataset.id === 'scratch'));
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is beside the screen').to.equal(true);
    for (const id of ['tabs', 'sockets', 'plain']) {
      expect(await page.$eval(`#status-${id}`, field => field.getBoundingClientRect().right <= innerWidth), `${id} is seen without scrolling`).to.equal(true);
    }
  });
});
