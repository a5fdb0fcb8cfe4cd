import {expect} from 'chai';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Browser, BrowserContext, Page} from 'puppeteer-core';
import {launchChromium} from '../browsers/index.js';
import {type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {until} from '../waiting/until.js';
import {createFolder, runBin} from './package.js';
import {serveFolder, type Site} from './serve.js';

const path = '/app';
const WORKER = "import {startHost} from 'sharedb-tabs/worker';\n\nstartHost();\n";

interface Example {
  /** What follows the lines that make the connection, in the plain app and in the migrated one. */
  app: string;
  imports?: string;
  html: string;
  /** As the guide says for other types: the worker is given them. */
  worker: string;
  write(page: Page): Promise<void>;
  read(page: Page): Promise<string>;
  /** What both tabs show after each edit, its letters in order. */
  after: [string, string];
}

/** The three that ShareDB's repository begins with: a counter, a text field and a rich text. */
const examples: Record<string, Example> = {
  counter: {
    html: '<span id="count"></span><button>+1</button>',
    app: `
      const doc = connection.get('examples', 'counter');
      const show = () => { document.querySelector('#count').textContent = doc.data ? doc.data.count : ''; };
      const ready = () => {
        show();
        document.body.dataset.ready = 'yes';
      };
      doc.subscribe(error => {
        if (error) throw error;
        if (doc.type === null) doc.create({count: 0}, ready);
        else ready();
      });
      doc.on('create', show);
      doc.on('op', show);
      document.querySelector('button').onclick = () => doc.submitOp([{p: ['count'], na: 1}]);`,
    worker: WORKER,
    write: page => page.click('button'),
    read: page => page.$eval('#count', element => element.textContent!),
    after: ['1', '2']
  },
  textarea: {
    html: '<textarea></textarea>',
    imports: "import StringBinding from 'sharedb-string-binding';",
    app: `
      const doc = connection.get('examples', 'textarea');
      const bind = () => {
        new StringBinding(document.querySelector('textarea'), doc, ['content']).setup();
        document.body.dataset.ready = 'yes';
      };
      doc.subscribe(error => {
        if (error) throw error;
        if (doc.type === null) doc.create({content: ''}, bind);
        else bind();
      });`,
    worker: WORKER,
    write: page => page.type('textarea', 'ab'),
    read: page => page.$eval('textarea', element => element.value),
    after: ['ab', 'aabb']
  },
  'rich text': {
    html: '<div id="editor"></div>',
    imports: "import Quill from 'quill';\nimport {types} from 'sharedb/lib/client';\nimport richText from 'rich-text';",
    app: `
      types.register(richText.type);
      const doc = connection.get('examples', 'rich text');
      const bind = () => {
        const quill = new Quill('#editor');
        quill.setContents(doc.data);
        quill.on('text-change', (delta, _before, source) => { if (source === 'user') doc.submitOp(delta, {source: quill}); });
        doc.on('op', (op, source) => { if (source !== quill) quill.updateContents(op); });
        document.body.dataset.ready = 'yes';
      };
      doc.subscribe(error => {
        if (error) throw error;
        if (doc.type === null) doc.create([{insert: '\\n'}], 'rich-text', bind);
        else bind();
      });`,
    worker: "import richText from 'rich-text';\nimport {startHost} from 'sharedb-tabs/worker';\n\nstartHost({types: [richText.type]});\n",
    write: page => page.type('.ql-editor', 'ab'),
    read: page => page.$eval('.ql-editor', element => element.textContent!),
    after: ['ab', 'aabb']
  }
};

const sorted = (text: string): string => [...text].sort().join('');

describe("ShareDB's first examples, moved as the migration page says", function () {
  this.timeout(120_000);
  let browser: Browser;
  let server: ShareDBServer;
  let context: BrowserContext;
  let site: Site | undefined;
  /** The lines of the plain app that the page replaces, and those that it puts there. */
  let plainLines: string;
  let movedLines: string;

  beforeEach(async () => {
    server = await startShareDBServer();
    context = await browser.createBrowserContext();
  });
  afterEach(async () => {
    await context.close();
    await site?.close();
    await server.close();
  });

  before(async () => {
    browser = await launchChromium();
    const markdown = await readFile(new URL('../../docs/migration.md', import.meta.url), 'utf8');
    [plainLines, movedLines] = [...markdown.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text]) => text!) as [string, string];
  });
  after(() => browser?.close());

  for (const [name, example] of Object.entries(examples)) {
    for (const [title, sockets] of [['plain', 2], ['moved', 1]] as const) {
      it(`${name}, ${title}: two tabs have ${sockets} WebSocket${sockets > 1 ? 's' : ''}`, async () => {
        const app = await createFolder(`${name} ${title}`.replace(/ /g, '-'));
        const connect = (title === 'plain' ? plainLines : movedLines).replace('wss://example.com/sharedb', server.url + path);
        await writeFile(join(app, 'main.js'), [example.imports ?? '', connect, example.app].join('\n'));
        await writeFile(join(app, 'sharedb.worker.js'), example.worker);
        await mkdir(join(app, 'dist'), {recursive: true});
        await writeFile(join(app, 'dist', 'index.html'), `<!doctype html><body>${example.html}<script type="module" src="./main.js"></script>`);
        await runBin(app, 'esbuild', ['main.js', 'sharedb.worker.js', '--bundle', '--format=esm', '--outdir=dist']);
        site = await serveFolder(join(app, 'dist'));
        const tabs: Page[] = [];
        for (let number = 0; number < 2; number++) {
          const page = await context.newPage();
          page.setDefaultTimeout(60_000);
          await page.goto(site.url);
          await until('the page is ready', () => page.$eval('body', body => body.dataset['ready'] === 'yes'));
          tabs.push(page);
        }
        for (const [number, tab] of tabs.entries()) {
          await tab.bringToFront();
          await example.write(tab);
          // Where a cursor is after somebody else's edit is the binding's affair: only what was written is looked at.
          let shown: string[] = [];
          await until(`both tabs show edit ${number + 1}`, async () => {
            shown = await Promise.all(tabs.map(example.read));
            return shown.every(text => text === shown[0] && sorted(text) === example.after[number]);
          }).catch((error: Error) => { throw new Error(`${error.message}; they show ${shown.join(' and ')}`); });
        }
        expect(server.sockets(path)).to.eql({open: sockets, total: sockets});
      });
    }
  }
});
