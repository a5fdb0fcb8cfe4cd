import {expect} from 'chai';
import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import {text} from 'node:stream/consumers';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {bundlePage, root} from '../../../examples/editor/bundle.js';
import {startServer, type EditorServer} from '../../../examples/editor/server.js';
import {problemsOf} from '../../collections/serialisable.js';
import {listen} from '../../server/sharedb-server.js';
import {until} from '../../waiting/until.js';
import {sharedBrowser} from '../browsers.js';
import {engines, type Browser, type EngineName, type Page} from '../drivers/index.js';
import {hostings, type Hosting} from '../hosting.js';
import type {Report} from './page/main.js';

const pages = join(root, 'build/engines-collections');
const TABS = 5;
/** The transactions of all tabs together. Firefox and WebKitGTK delay the retries of hidden tabs by up to a second. */
const TRANSACTIONS: Record<EngineName, number> = {Chromium: 2000, Firefox: 2000, WebKitGTK: 200};
/** A synced queue sends three ops for each item, one after the other. */
const ITEMS = {local: 60, synced: 30};
/**
 * How long after the start of a killed browser a tab may wait for an item that a tab of the killed one had, in ms. The host waits for half a
 * second if the browser has locks, and otherwise for 5 s.
 */
const RETURNED_MS = 4000;

describe('collections in tabs of a browser', function () {
  this.timeout(300_000);
  let server: EditorServer;

  before('build the page', async () => {
    await bundlePage(fileURLToPath(new URL('./page', import.meta.url)), pages, ['worker', 'collections']);
  });
  beforeEach(async () => { server = await startServer({port: 0, quiet: true, pages}); });
  afterEach(() => server.close());

  async function openTab(browser: Browser, hosting: Hosting, scope: 'local' | 'synced' = 'local'): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${server.url}?mode=${hosting}&scope=${scope}`);
    await until('the script has run', () => page.evaluate(() => globalThis.collectionsPage !== undefined));
    return page;
  }

  for (const engine of engines) {
    describe(engine.title, () => {
      const count = Number(process.env['TRANSACTIONS'] ?? TRANSACTIONS[engine.title]);
      const each = count / TABS;

      it(`make ${count} transactions that are serializable`, async () => {
        const browser = await sharedBrowser(engine);
        const tabs: Page[] = [];
        try {
          for (let t = 0; t < TABS; t++) tabs.push(await openTab(browser, 'shared-worker'));
          for (const tab of tabs) await tab.evaluate(() => globalThis.collectionsPage!.openMaps());
          // A driver may wait too long for one command: each is a part.
          const done: Parameters<typeof problemsOf>[0][number][] = [];
          await Promise.all(tabs.map(async (tab, t) => {
            const PART = 20;
            for (let from = 0; from < each; from += PART) {
              const made = await tab.evaluate((number, start, some) => globalThis.collectionsPage!.append(number, start, some), t, from, Math.min(PART, each - from));
              for (const {id, reads, appends, structures} of made) done.push({id, reads: new Map(reads), appends: new Set(appends), structures: new Map(structures)});
            }
          }));
          let shown: Map<string, readonly string[]>[] = [];
          await until('all tabs show the same', async () => {
            shown = await Promise.all(tabs.map(async tab => new Map(await tab.evaluate(() => globalThis.collectionsPage!.lists()))));
            return new Set(shown.map(lists => JSON.stringify([...lists]))).size === 1;
          });
          expect(done).to.have.length.above(count / 2);
          expect(problemsOf(done, shown[0]!)).to.eql([]);
        } finally {
          for (const tab of tabs) await tab.close();
        }
      });
    });
  }

  // WebKitGTK's driver starts a browser that keeps nothing on disk.
  for (const engine of engines.filter(({title}) => title !== 'WebKitGTK')) {
    for (const hosting of engine.title === 'Chromium' ? hostings : ['shared-worker'] as const) {
      for (const scope of ['local', 'synced'] as const) {
        it(`${engine.title}, ${hosting}: each item of a ${scope} queue is done once for each attempt, through deaths of the browser`, async () => {
          const items = ITEMS[scope];
          const ledger = await Ledger.start(items);
          const profile = await mkdtemp(join(tmpdir(), 'sharedb-tabs-queue-'));
          let browser = await engine.launch(profile);
          try {
            await (await openTab(browser, hosting, scope)).evaluate(count => globalThis.collectionsPage!.enqueue(count), items);
            for (const enough of [items / 3, items]) {
              const tabs = [await openTab(browser, hosting, scope), await openTab(browser, hosting, scope)];
              const start = Date.now();
              for (const tab of tabs) await tab.evaluate(url => globalThis.collectionsPage!.work(url), ledger.url);
              if (enough < items) {
                await until(`${enough} items are done`, () => ledger.done >= enough);
                await browser.kill!();
                browser = await engine.launch(profile);
              } else {
                await until('nothing is left', async () => {
                  const {size, inFlight} = await tabs[0]!.evaluate(() => globalThis.collectionsPage!.left());
                  return !size && !inFlight;
                });
                expect((await tabs[0]!.evaluate(() => globalThis.collectionsPage!.left())).dead).to.equal(0);
                expect(ledger.lastReturn - start).to.be.at.most(RETURNED_MS);
              }
            }
            expect(ledger.faults()).to.eql([]);
          } finally {
            await browser.close();
            await ledger.close();
            await rm(profile, {recursive: true, force: true, maxRetries: 5});
          }
        });
      }
    }
  }
});

/** What tabs said of the items that they had, in the order in which it came. */
class Ledger {
  private readonly said: Report[] = [];
  /** When the last item was taken that a tab had taken before. */
  lastReturn = -Infinity;

  private constructor(private readonly server: Server, readonly url: string, private readonly items: number) {}

  static async start(items: number): Promise<Ledger> {
    const host = '127.0.0.1';
    const server = createServer((request, response) => {
      void text(request).then(body => {
        const said = JSON.parse(body) as Report;
        ledger.said.push(said);
        if (said.what === 'took' && said.attempts) ledger.lastReturn = Date.now();
        setTimeout(() => response.end(), said.what === 'took' ? 5 + Math.random() * 20 : 0);
      }).catch(() => {
        // The browser was killed while it said something.
      });
    });
    const ledger = new Ledger(server, `http://${host}:${await listen(server, 0, host)}/`, items);
    return ledger;
  }

  get done(): number {
    return this.said.filter(({what}) => what === 'done').length;
  }

  faults(): string[] {
    const faults: string[] = [];
    for (let item = 0; item < this.items; item++) {
      const said = this.said.filter(one => one.item === item);
      const [taken, done] = [said.filter(({what}) => what === 'took'), said.filter(({what}) => what === 'done')];
      if (!taken.length) faults.push(`nobody had ${item}`);
      if (new Set(taken.map(({attempts}) => attempts)).size < taken.length) faults.push(`${item} was given out twice for one attempt: ${JSON.stringify(said)}`);
      if (done.length > 1) faults.push(`${item} was done twice: ${JSON.stringify(said)}`);
      if (done.length && said.at(-1)!.what !== 'done') faults.push(`${item} was given out after it was done: ${JSON.stringify(said)}`);
    }
    return faults;
  }

  close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    return closed;
  }
}
