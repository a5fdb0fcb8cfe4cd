import {expect} from 'chai';
import {type ExampleServer, startExample} from '../../../examples/tasks/serve.js';
import {until} from '../../waiting/until.js';
import {sharedBrowser} from '../browsers.js';
import {engines, type Page} from '../drivers/index.js';

describe('the example that searches a history in threads', function () {
  this.timeout(120_000);
  let server: ExampleServer;
  before('start it', async () => { server = await startExample(0, 2_001, 400); });
  after('stop it', () => server?.close());

  it('answers a request with an invalid URL, and continues', async () => {
    expect((await fetch(`${server.url}/`)).status).to.equal(404);
    expect((await fetch(server.url)).status).to.equal(200);
  });

  for (const engine of engines) {
    describe(engine.title, () => {
      let page: Page;
      beforeEach(async () => {
        page = await (await sharedBrowser(engine)).newPage();
        await page.goto(server.url);
        await until('the page is ready', () => page.evaluate(() => document.querySelector('output')!.textContent !== ''));
      });
      afterEach(() => page?.close());

      const searched = async (button: string): Promise<{status: string; rows: number; isFull: boolean; worst: string}> => {
        await page.evaluate(id => document.getElementById(id)!.click(), button);
        await until('it has searched', () => page.evaluate(() => / versions/.test(document.getElementById('status')!.textContent!)));
        return page.evaluate(() => ({
          status: document.getElementById('status')!.textContent!.replace(/,.*/, ''), rows: document.querySelectorAll('#results li').length,
          isFull: (bar => bar.value === bar.max)(document.querySelector('progress')!), worst: document.getElementById('worst')!.textContent!
        }));
      };

      it('finds the same in threads and in the page, and shows the longest frame of each search', async () => {
        const inThreads = await searched('threads');
        const here = await searched('here');
        console.log(`        worst frame: ${inThreads.worst} in threads, ${here.worst} on the page`);
        expect(inThreads).to.include({isFull: true, rows: here.rows, status: here.status});
        expect(here.rows).to.be.above(0);
        for (const {worst} of [inThreads, here]) expect(worst).to.match(/^\d+ ms$/);
      });

      it('shows typed text while it searches', async () => {
        await page.focus('#typing');
        await page.evaluate(() => {
          document.getElementById('typing')!.addEventListener('input', () => {
            if (document.getElementById('status')!.textContent === 'searching…') document.body.dataset['typedMeanwhile'] = 'yes';
          });
        });
        let typed = '';
        // On a busy machine a search may be over before the key is pressed.
        await until('a character has appeared during a search', async () => {
          const search = searched('threads');
          await page.press('x');
          typed += 'x';
          await search;
          return page.evaluate(() => document.body.dataset['typedMeanwhile'] === 'yes');
        });
        expect(await page.evaluate(() => document.querySelector('textarea')!.value)).to.equal(typed);
      });

      it('stops on request', async () => {
        await page.evaluate(() => {
          document.getElementById('threads')!.click();
          document.getElementById('stop')!.click();
        });
        await until('it says so', () => page.evaluate(() => document.getElementById('status')!.textContent!.includes('AbortError')));
      });
    });
  }
});
