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

  for (const engine of engines) {
    describe(engine.title, () => {
      let page: Page;
      beforeEach(async () => {
        page = await (await sharedBrowser(engine)).newPage();
        await page.goto(server.url);
        await until('the page is ready', () => page.evaluate(() => document.querySelector('output')!.textContent !== ''));
      });
      afterEach(() => page?.close());

      const searched = async (button: string): Promise<{status: string; rows: number; isFull: boolean; worst: number}> => {
        await page.evaluate(id => document.getElementById(id)!.click(), button);
        await until('it has searched', () => page.evaluate(() => / versions/.test(document.getElementById('status')!.textContent!)));
        return page.evaluate(() => ({
          status: document.getElementById('status')!.textContent!.replace(/,.*/, ''), rows: document.querySelectorAll('#results li').length,
          isFull: (bar => bar.value === bar.max)(document.querySelector('progress')!), worst: parseInt(document.getElementById('worst')!.textContent!)
        }));
      };

      it('finds the same in threads as on the page, and keeps what is typed meanwhile', async () => {
        await page.focus('#typing');
        const search = searched('threads');
        for (const character of 'while') await page.press(character);
        const inThreads = await search;
        const typed = await page.evaluate(() => document.querySelector('textarea')!.value);
        const here = await searched('here');
        console.log(`        worst frame: ${inThreads.worst} ms in threads, ${here.worst} ms on the page`);
        expect(typed).to.equal('while');
        expect(inThreads).to.include({isFull: true, rows: here.rows, status: here.status});
        expect(here.rows).to.be.above(0);
      });

      it('stops when it is told to', async () => {
        await page.evaluate(() => {
          document.getElementById('threads')!.click();
          document.getElementById('stop')!.click();
        });
        await until('it says so', () => page.evaluate(() => document.getElementById('status')!.textContent!.includes('AbortError')));
      });
    });
  }
});
