import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import {expect} from 'chai';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import ShareDB from 'sharedb';
import {WebSocket, type WebSocketServer} from 'ws';
import {createConnection, type ConnectOptions, type TabConnection} from '../../lib/index.js';
import {withIndexedDb} from '../store/disks.js';
import {Browser} from '../support/browser.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {freePortServer} from './free-port-server.js';
import {blockOf, runBlock} from './run-block.js';

interface App {
  connection: TabConnection;
  signOut: () => Promise<void>;
  /** Where the page was sent. */
  visited: string[];
}

/** Tabs of the recipe's page, elected hosts in these, and the recipe's server. */
describe('the recipe for authentication: signing out', () => {
  const scope = globalThis as {WebSocket?: unknown; WorkerGlobalScope?: unknown};
  const globalSocket = scope.WebSocket;
  let browser: Browser;
  let server: WebSocketServer;
  let backend: ShareDB;
  let isAway: boolean;
  let apps: App[];

  withIndexedDb();

  beforeEach(async () => {
    scope.WebSocket = WebSocket;
    // Otherwise a connection opens nothing, as where a server renders pages.
    scope.WorkerGlobalScope = class {};
    browser = new Browser(new Random(1));
    isAway = false;
    apps = [];
    const verify = (token: string | null): Promise<unknown> => Promise.resolve(token?.startsWith('token of ') && {id: token.slice(9)});
    const Server = freePortServer(started => { server = started; }, {verifyClient: () => !isAway});
    const given = {WebSocketJSONStream, ShareDB, WebSocketServer: Server, verify, console: {error() {}}};
    ({backend} = await runBlock<{backend: ShareDB}>(blockOf('docs/recipes.md', 'server.mjs', 'Authentication'), given, ['backend']));
    await once(server, 'listening');
  });

  afterEach(async () => {
    for (const {connection} of apps) connection.close();
    for (const socket of server.clients) socket.terminate();
    await new Promise(resolve => server.close(resolve));
    delete scope.WorkerGlobalScope;
    if (globalSocket) scope.WebSocket = globalSocket;
    else delete scope.WebSocket;
  });

  function goAway(): void {
    isAway = true;
    for (const socket of server.clients) socket.terminate();
  }

  async function openTab(user = 'ada'): Promise<App> {
    const {channel, locks} = browser.process();
    const visited: string[] = [];
    const given = {
      user: {id: user}, fetchToken: () => Promise.resolve(`token of ${user}`), location: {assign: (path: string) => visited.push(path)},
      // In the browser of this test, the tabs elect one of them.
      createConnection: (options: ConnectOptions) => createConnection({
        ...options, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/sharedb`, sharedWorker: undefined, channel, locks, warn() {}
      })
    };
    const values = await runBlock<Pick<App, 'connection' | 'signOut'>>(blockOf('docs/recipes.md', 'connection.ts', 'Authentication'), given, ['connection', 'signOut']);
    const app = {...values, visited};
    apps.push(app);
    return app;
  }

  const open = async ({connection}: App): Promise<ReturnType<TabConnection['get']>> => {
    const doc = connection.get('notes', 'one');
    await doc.subscribe();
    return doc;
  };
  const atServer = (): Promise<unknown> => new Promise(resolve => {
    const doc = backend.connect().get('notes', 'one');
    doc.fetch(() => resolve(doc.data));
  });
  const untilShown = (app: App, count: number): Promise<void> => until('the edits are in the host', () => app.connection.status.pendingOps === count);
  /** The user has signed out, with everything that was typed. */
  async function expectSignedOut({connection, visited}: App): Promise<void> {
    expect(visited).to.eql(['/']);
    expect(connection.state).to.equal('closed');
    const next = await openTab();
    await until('it is connected', () => next.connection.state === 'connected' && next.connection.status.tabs === 1);
    expect(next.connection.status).to.include({pendingOps: 0, deadLetters: 0});
  }

  it('waits for the edits of this tab and of others, and then ends all of them', async () => {
    const [first, second] = [await openTab(), await openTab()];
    const [doc, other] = [await open(first), await open(second)];
    await doc.create({a: 0, b: 0});
    await until('the other tab has it', () => !!other.type);
    goAway();
    doc.submitOp([{p: ['a'], na: 1}]);
    other.submitOp([{p: ['b'], na: 1}]);
    await untilShown(first, 2);
    const signedOut = first.signOut();
    other.submitOp([{p: ['b'], na: 1}]);
    await untilShown(first, 3);
    expect(first.visited).to.eql([]);
    isAway = false;
    await signedOut;
    expect(await atServer()).to.eql({a: 1, b: 2});
    await until('the other tab is closed', () => second.connection.state === 'closed');
    await expectSignedOut(first);
  });

  it('waits for the edits of closed tabs, although this tab has just been opened', async () => {
    const closed = await openTab();
    const doc = await open(closed);
    await doc.create({a: 0});
    goAway();
    doc.submitOp([{p: ['a'], na: 1}]);
    await untilShown(closed, 1);
    await closed.connection.flushWrites();
    closed.connection.close();
    const next = await openTab();
    const signedOut = next.signOut();
    await untilShown(next, 1);
    expect(next.visited).to.eql([]);
    isAway = false;
    await signedOut;
    expect(await atServer()).to.eql({a: 1});
    await expectSignedOut(next);
  });
});
