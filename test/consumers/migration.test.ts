import {expect} from 'chai';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Browser, BrowserContext, Page} from 'puppeteer-core';
import {launchChromium} from '../browsers/index.js';
import {connectRemotely} from '../server/remote.js';
import {type ShareDBServer, startShareDBServer} from '../server/sharedb-server.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {codeBlocks} from './code-blocks.js';
import {createFolder, runBin} from './package.js';
import {serveFolder, type Site} from './serve.js';

const path = '/app';
/** The path of the client that creates the documents. */
const CREATION = '/creation';

interface Example {
  /** The document that the example's server creates. */
  doc: {id: string; data: unknown; type?: string};
  /** The part of the page's body that the code uses. */
  html: string;
  /** Changes that the bundler or another version of a package requires: `[text, replacement]`. */
  adapt?: [string, string][];
  /** What the migration page says, apart from the lines that make the connection. */
  migrate?(page: Migration): [string, string][];
  write(page: Page): Promise<void>;
  read(page: Page): Promise<string>;
  /** What both tabs show after each edit, its letters in order. */
  after: [string, string];
}

/** What the test takes from the migration page. */
interface Migration {
  /** The lines that replace those of the plain app. */
  connect: string;
  /** The text beside an entry of the first table. */
  row(entry: string): string;
}

const SOCKET = `var socket = new ReconnectingWebSocket('ws://' + window.location.host, [], {
  // ShareDB handles dropped messages, and buffering them while the socket
  // is closed has undefined behavior
  maxEnqueuedMessages: 0
});
var connection = new sharedb.Connection(socket);
`;
const RECONNECTION = `// For testing reconnection
window.disconnect = function() {
  connection.close();
};
window.connect = function() {
  var socket = new ReconnectingWebSocket('ws://' + window.location.host, [], {
    // ShareDB handles dropped messages, and buffering them while the socket
    // is closed has undefined behavior
    maxEnqueuedMessages: 0
  });
  connection.bindToSocket(socket);
};
`;

/** Three examples of ShareDB's repository. Their code is in `sharedb-examples`, unchanged. */
const examples: Record<string, Example> = {
  'counter': {
    doc: {id: 'counter', data: {numClicks: 0}},
    html: 'You clicked <span id="num-clicks"></span> times. <button onclick="increment()">+1</button>',
    write: page => page.click('button'),
    read: page => page.$eval('#num-clicks', element => element.textContent!),
    after: ['1', '2']
  },
  'textarea': {
    doc: {id: 'textarea', data: {content: ''}},
    html: '<p>Connection Status: <span id="status-span"></span></p><textarea autofocus></textarea>',
    migrate: page => {
      const events = [...page.row('listeners on the socket').matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
      return ['open', 'close', 'error'].map((event, index) => (
        [`socket.addEventListener('${event}',`, `connection.on('${events[index]}',`]
      ));
    },
    write: page => page.type('textarea', 'ab'),
    read: page => page.$eval('textarea', element => element.value),
    after: ['ab', 'aabb']
  },
  'rich-text': {
    doc: {id: 'richtext', data: [{insert: 'Hi!'}], type: 'rich-text'},
    html: '<div id="editor"></div>',
    adapt: [["require('quill')", "require('quill').default"]],
    migrate: page => {
      expect(page.row('`connection.bindToSocket(socket)`')).to.equal('Not needed.');
      return [[RECONNECTION, '']];
    },
    write: page => page.type('.ql-editor', 'ab'),
    read: page => page.$eval('.ql-editor', element => element.textContent!),
    after: ['abHi!', 'aabbHi!']
  }
};

const sorted = (text: string): string => [...text].sort().join('');

describe("ShareDB's own examples, moved as the migration page says", function () {
  this.timeout(120_000);
  let browser: Browser;
  let server: ShareDBServer;
  let context: BrowserContext;
  let site: Site | undefined;
  let migration: Migration;
  /** The worker's script of the getting-started page. */
  let worker: string;

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
    const read = (name: string) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
    const page = await read('migration');
    const rows = [...page.matchAll(/^\| (.+?) \| (.+) \|$/gm)];
    migration = {
      connect: /^```js\n([^]*?createConnection[^]*?)^```$/m.exec(page.slice(page.indexOf('Replace these lines')))![1]!,
      row: entry => rows.find(([, name]) => name === entry)![2]!
    };
    worker = codeBlocks(await read('getting-started'))['sharedb.worker.js']!;
  });
  after(() => browser?.close());

  const source = async (name: string, {adapt = []}: Example): Promise<string> => (
    replaceEach(await readFile(new URL(`sharedb-examples/${name}.client.js`, import.meta.url), 'utf8'), adapt)
  );
  const plain = async (name: string, example: Example): Promise<string> => (
    (await source(name, example)).replaceAll("'ws://' + window.location.host", JSON.stringify(server.url + path))
  );
  const moved = async (name: string, example: Example): Promise<string> => replaceEach(await source(name, example), [
    ["var ReconnectingWebSocket = require('reconnecting-websocket');\n", ''],
    [SOCKET, migration.connect.replace('wss://example.com/sharedb', server.url + path)],
    ...example.migrate?.(migration) ?? []
  ]);
  /** The worker's script with the call that the page shows for other types. */
  const workerWithType = (): string => {
    const call = /`(startHost\([^`]+\))`/.exec(migration.row('`types.register(type)` in the page'))![1]!;
    return `import richText from 'rich-text';\n${replaceEach(worker, [['startHost()', call.replace('[type]', '[richText.type]')]])}`;
  };

  /** Creates the document, as the example's server does. */
  const create = async ({doc: {id, data, type}}: Example): Promise<void> => {
    const connection = connectRemotely(server.url + CREATION);
    await settled(done => connection.get('examples', id).create(data, type ?? 'json0', done));
    connection.close();
  };

  for (const [name, example] of Object.entries(examples)) {
    for (const [title, sockets] of [['plain', 2], ['moved', 1]] as const) {
      it(`${name}, ${title}: two tabs have ${sockets} WebSocket${sockets > 1 ? 's' : ''}`, async () => {
        const app = await createFolder(`${name}-${title}`);
        await writeFile(join(app, 'main.js'), title === 'plain' ? await plain(name, example) : await moved(name, example));
        await writeFile(join(app, 'sharedb.worker.js'), example.doc.type ? workerWithType() : worker);
        await create(example);
        await mkdir(join(app, 'dist'), {recursive: true});
        await writeFile(join(app, 'dist', 'index.html'), `<!doctype html><body>${example.html}<script type="module" src="./main.js"></script>`);
        await runBin(app, 'esbuild', ['main.js', 'sharedb.worker.js', '--bundle', '--format=esm', '--define:global=window', '--outdir=dist']);
        site = await serveFolder(join(app, 'dist'));
        const tabs: Page[] = [];
        for (let number = 0; number < 2; number++) {
          const page = await context.newPage();
          page.setDefaultTimeout(60_000);
          await page.goto(site.url);
          await until('the page shows the document', () => isReady(page, example));
          tabs.push(page);
        }
        for (const [number, tab] of tabs.entries()) {
          await tab.bringToFront();
          await example.write(tab);
          // Where a cursor is after somebody else's edit is the binding's affair: only what was written is looked at.
          let shown: string[] = [];
          await until(`both tabs show edit ${number + 1}`, async () => {
            shown = await Promise.all(tabs.map(example.read));
            return shown.every(text => text === shown[0] && sorted(text) === sorted(example.after[number]!));
          }).catch((error: Error) => { throw new Error(`${error.message}; they show ${shown.join(' and ')}`); });
        }
        expect(server.sockets(path)).to.eql({open: sockets, total: sockets});
      });
    }
  }
});

/** Replaces texts, each of which has to occur exactly once. */
function replaceEach(text: string, replacements: [string, string][]): string {
  return replacements.reduce((before, [from, to]) => {
    expect(before.split(from), `occurrences of ${from}`).to.have.length(2);
    return before.replace(from, () => to);
  }, text);
}

async function isReady(page: Page, {doc}: Example): Promise<boolean> {
  if (doc.id === 'counter') return page.$eval('#num-clicks', ({textContent}) => textContent === '0');
  if (doc.id === 'richtext') return page.$eval('#editor', ({textContent}) => textContent!.includes('Hi!'));
  return page.$eval('#status-span', ({textContent}) => textContent === 'Connected');
}
