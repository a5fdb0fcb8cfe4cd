import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import {expect} from 'chai';
import {once} from 'node:events';
import {connect, type AddressInfo} from 'node:net';
import ShareDB from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {WebSocket, type WebSocketServer} from 'ws';
import {until} from '../waiting/until.js';
import {settled} from '../waiting/settled.js';
import {freePortServer} from './free-port-server.js';
import {blockOf, runBlock} from './run-block.js';

interface User { id: string }
const users: Record<string, User> = {'ada/1': {id: 'ada'}};

describe('a server of the documentation', () => {
  let server: WebSocketServer;
  let backend: ShareDB & {agentsCount: number};
  let verify: (token: string | null) => Promise<User | undefined>;
  let uncaught: string[];
  let logged: string[];
  let sockets: WebSocket[];
  let listeners: ((error: Error) => void)[];

  beforeEach(() => {
    uncaught = [];
    logged = [];
    sockets = [];
    verify = token => Promise.resolve(users[token ?? '']);
    // Mocha's own listeners would end the test. Without any, the error would end a server's process.
    listeners = process.listeners('uncaughtException') as never;
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', note).on('unhandledRejection', note);
  });

  afterEach(async () => {
    for (const socket of sockets) socket.terminate();
    for (const socket of server.clients) socket.terminate();
    await new Promise(resolve => server.close(resolve));
    process.off('uncaughtException', note).off('unhandledRejection', note);
    for (const listener of listeners) process.on('uncaughtException', listener);
  });

  const note = (error: Error): void => void uncaught.push(error.message);

  async function start(page: string, heading?: string): Promise<void> {
    const scope = {
      WebSocketJSONStream, ShareDB, WebSocketServer: freePortServer(started => { server = started; }, {maxPayload: 1000}), verify: (token: string | null) => verify(token),
      console: {error: (error: Error) => logged.push(error.message)}
    };
    ({backend} = await runBlock<{backend: typeof backend}>(blockOf(page, 'server.mjs', heading), scope, ['backend']));
    await once(server, 'listening');
  }

  function open(token = 'ada/1'): {socket: WebSocket; connection: Connection} {
    const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/sharedb?token=${encodeURIComponent(token)}`);
    sockets.push(socket);
    socket.on('error', () => {});
    return {socket, connection: new Connection(socket as never)};
  }

  async function expectItServes(): Promise<void> {
    const doc = open().connection.get('notes', 'one');
    await settled(done => doc.fetch(done));
    if (!doc.type) await settled(done => doc.create({n: 0}, done));
    await settled(done => doc.submitOp([{p: ['n'], na: 1}], undefined, done));
    expect(uncaught).to.eql([]);
  }

  for (const [page, heading] of [['README.md'], ['docs/getting-started.md'], ['docs/recipes.md', 'Authentication']] as [string, string?][]) {
    describe(`${page}${heading ? `, ${heading}` : ''}`, () => {
      beforeEach(() => start(page, heading));

      it('continues when it loses a client during a send', async () => {
        const writer = open().connection.get('notes', 'one');
        await settled(done => writer.create({n: 0}, done));
        const {socket, connection} = open();
        await settled(done => connection.get('notes', 'one').subscribe(done));
        socket.terminate();
        for (let i = 0; i < 50; i++) writer.submitOp([{p: ['n'], na: 1}], {source: i});
        await settled(done => writer.whenNothingPending(done));
        await until('the client is gone', () => server.clients.size === 1);
        await expectItServes();
      });

      it('continues when a client sends a message that is too large, which closes its socket with 1009', async () => {
        const {socket, connection} = open();
        await new Promise<void>(resolve => connection.once('connected', () => resolve()));
        socket.send('x'.repeat(2000));
        const [code] = await once(socket, 'close') as [number];
        expect(code).to.equal(1009);
        await expectItServes();
        expect(logged.join()).to.include('Max payload size exceeded');
      });

      it('continues when a client sends invalid WebSocket data', async () => {
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
        await once(socket, 'data');
        socket.end(Buffer.from([0xff, 0xff, 0xff, 0xff]));
        await once(socket.resume(), 'close');
        await expectItServes();
      });
    });
  }

  describe('that checks tokens', () => {
    beforeEach(() => start('docs/recipes.md', 'Authentication'));

    it('gives each agent the user of the token in the URL', async () => {
      const seen: unknown[] = [];
      backend.use('submit', ({agent}, next) => {
        seen.push(agent.custom['user']);
        next();
      });
      await expectItServes();
      expect(seen).to.eql([{id: 'ada'}, {id: 'ada'}]);
    });

    it('loses nothing that a client sends while it checks the token', async () => {
      let answer = (_user: User): void => {};
      verify = () => new Promise(resolve => { answer = resolve; });
      const {socket, connection} = open();
      const doc = connection.get('notes', 'one');
      const created = settled(done => doc.create({n: 1}, done));
      const subscribed = settled(done => connection.get('notes', 'two').subscribe(done));
      await until('it is open', () => socket.readyState === WebSocket.OPEN);
      // The handshake has arrived.
      await new Promise(resolve => { socket.once('pong', resolve); socket.ping(); });
      answer(users['ada/1']!);
      await Promise.all([created, subscribed]);
      expect(uncaught).to.eql([]);
    });

    it('closes the socket of a client without a user, and of one whose token can\'t be checked', async () => {
      const refused = open('forged').socket;
      expect((await once(refused, 'close') as [number, Buffer]).map(String)).to.eql(['4401', 'not signed in']);
      verify = () => Promise.reject(new Error('the database is away'));
      expect((await once(open().socket, 'close') as [number])[0]).to.equal(1011);
      verify = token => Promise.resolve(users[token ?? '']);
      await expectItServes();
      expect(logged).to.eql(['the database is away']);
    });

    it('continues without an agent when a client leaves while it checks the token', async () => {
      let answer = (_user: User): void => {};
      verify = () => new Promise(resolve => { answer = resolve; });
      const {socket} = open();
      await once(socket, 'open');
      socket.terminate();
      await until('it is gone', () => server.clients.size === 0);
      answer(users['ada/1']!);
      await until('the stream has failed', () => logged.length > 0);
      await until('it has no agent', () => backend.agentsCount === 0);
      verify = token => Promise.resolve(users[token ?? '']);
      await expectItServes();
    });
  });
});
