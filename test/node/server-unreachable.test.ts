import {createServer, type AddressInfo, type Server} from 'node:net';
import {expect} from 'chai';
import {WebSocket, WebSocketServer} from 'ws';
import {createConnection, type ConnectOptions, type TabConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';

type Failure = Error & {code?: string};

/** A port of this machine on which nothing listens. */
async function freePort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

describe('an unreachable server is reported in the console', () => {
  const {warn} = console;
  const {random} = Math;
  const scope = globalThis as {WebSocket?: unknown; WorkerGlobalScope?: unknown};
  const globalSocket = scope.WebSocket;
  let warnings: unknown[][];
  let connection: TabConnection | undefined;

  beforeEach(() => {
    warnings = [];
    console.warn = (...told: unknown[]) => void warnings.push(told);
    // The first pause between two attempts is as short as it can be.
    Math.random = () => 0;
    scope.WebSocket = WebSocket;
    // Where there is neither a page nor a worker, a url opens nothing.
    scope.WorkerGlobalScope = class {};
  });
  afterEach(() => {
    connection?.close();
    delete scope.WorkerGlobalScope;
    console.warn = warn;
    Math.random = random;
    if (globalSocket) scope.WebSocket = globalSocket;
    else delete scope.WebSocket;
  });

  /** @returns the errors of the connection, as they come */
  function connect(options: ConnectOptions): Failure[] {
    connection = createConnection({mode: 'direct', store: false, ...options});
    const errors: Failure[] = [];
    connection.on('connection error', error => errors.push(error));
    return errors;
  }

  it('once, with its url, the attempt and what to check, for any number of failed attempts', async () => {
    const port = await freePort();
    const errors = connect({url: `ws://127.0.0.1:${port}/path?token=secret`});
    await until('two attempts have failed', () => errors.length >= 2);
    expect(errors.map(({code}) => code).slice(0, 2)).to.eql(['ERR_TABS_SERVER_UNREACHABLE', 'ERR_TABS_SERVER_UNREACHABLE']);
    expect(errors[1]!.message).to.include('(attempt 2)');

    expect(warnings).to.have.length(1);
    const [text, error] = warnings[0] as [string, Failure];
    expect(text).to.include('WARN_TABS_SERVER').and.to.include('no connection to the server, trying again');
    expect(error.code).to.equal('ERR_TABS_SERVER_UNREACHABLE');
    expect(error.message).to.include(`The WebSocket to ws://127.0.0.1:${port}/path could not be opened (attempt 1)`);
    for (const part of ['the server runs', 'host, port and path', 'wss: on a page of https:', 'connect-src']) expect(error.message).to.include(part);
    expect(error.message).not.to.include('secret');
  });

  it('if it accepts a WebSocket and does not greet: once, for any number of repetitions', async () => {
    const server = new WebSocketServer({port: 0, host: '127.0.0.1'});
    let sockets = 0;
    server.on('connection', () => sockets++);
    await new Promise(resolve => server.once('listening', resolve));
    try {
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/elsewhere`;
      const errors = connect({url, serverTimeouts: {hello: 20}});
      await until('two sockets had no greeting', () => errors.length >= 2);
      expect(sockets).to.be.at.least(2);

      expect(warnings).to.have.length(1);
      const [text, error] = warnings[0] as [string, Failure];
      expect(text).to.include('WARN_TABS_SERVER');
      expect(error.code).to.equal('ERR_TABS_SERVER_UNREACHABLE');
      expect(error.message).to.equal(`${url} accepts a WebSocket, but ShareDB's handshake does not arrive: check that ShareDB listens at this url`);
    } finally {
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });

  it('if it closes each WebSocket before its greeting, for example because it refuses the token: once, with the code and reason', async () => {
    const server = new WebSocketServer({port: 0, host: '127.0.0.1'});
    server.on('connection', socket => socket.close(4401, 'not signed in'));
    await new Promise(resolve => server.once('listening', resolve));
    try {
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/sharedb`;
      const errors = connect({url, getToken: () => 'forged'});
      const closes: unknown[] = [];
      connection!.on('disconnected', reason => closes.push(reason));
      await until('two sockets were closed', () => errors.length >= 2 && closes.length >= 2);
      expect(errors[0]).to.include({
        code: 'ERR_TABS_SERVER_UNREACHABLE',
        message: `${url} accepts a WebSocket, and closes it before ShareDB's handshake (code 4401, not signed in): check the token, if there is one, and that ShareDB listens at this url`
      });
      expect(closes[0]).to.eql({code: 4401, reason: 'not signed in'});
      expect(warnings).to.have.length(1);
      expect(warnings[0]![0]).to.include('WARN_TABS_SERVER');
    } finally {
      server.close();
    }
  });

  for (const [title, options, code, says] of [
    ['no tab gives a token', {url: 'ws://127.0.0.1:1', getToken: () => { throw new Error('signed out'); }}, 'ERR_TABS_NO_TOKEN', 'No tab gave a token: signed out'],
    ['getToken gives no string', {url: 'ws://127.0.0.1:1', getToken: () => undefined as never}, 'ERR_TABS_NO_TOKEN', 'No tab gave a token: getToken gave something else than a string'],
    ['the option url gives nothing', {url: () => undefined as never}, 'ERR_TABS_SERVER_UNREACHABLE',
      'There is no url for the WebSocket (attempt 1): the option url returned no string. Check the options url and authorize'],
    ['the option url throws', {url: () => { throw new Error('not configured'); }}, 'ERR_TABS_SERVER_UNREACHABLE',
      'There is no url for the WebSocket (attempt 1): not configured. Check the options url and authorize'],
    ['the option authorize gives nothing', {url: 'ws://127.0.0.1:1', getToken: () => 'token', authorize: () => undefined as never}, 'ERR_TABS_SERVER_UNREACHABLE',
      'There is no url for the WebSocket (attempt 1): the option authorize returned neither a url nor {url, protocols}. Check the options url and authorize']
  ] as [string, ConnectOptions, string, string][]) {
    it(`if ${title}: once, with the reason and its own code, as connection error does each time`, async () => {
      const errors = connect(options);
      await until('two attempts have failed', () => errors.length >= 2);
      expect(errors.map(error => error.code).slice(0, 2)).to.eql([code, code]);
      expect(errors[0]!.message).to.equal(says);
      expect(warnings).to.have.length(1);
      expect(warnings[0]![0]).to.include(code === 'ERR_TABS_NO_TOKEN' ? 'WARN_TABS_NO_TOKEN' : 'WARN_TABS_SERVER');
    });
  }
});
