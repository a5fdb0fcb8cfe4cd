import {expect} from 'chai';
import {once} from 'node:events';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {WebSocket} from 'ws';
import {authorize} from '../../examples/scale-out/client/authorize.js';
import {Deployment} from '../../examples/scale-out/deployment.js';
import {PROTOCOL} from '../../examples/scale-out/sockets.js';
import {Tokens} from '../../examples/scale-out/tokens.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';

const secret = 'a secret of this test';

describe('a server', function () {
  this.timeout(400_000);
  let deployment: Deployment;
  const sockets: WebSocket[] = [];

  before('start it', async () => {
    deployment = await Deployment.start({pages: tmpdir(), secret, servers: 1, pingMs: 500, logs: false});
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
  });

  after('stop it', () => deployment?.close());

  /** Opens a socket as the page does. */
  async function open({seconds = 3600, ...options}: {seconds?: number; autoPong?: boolean} = {}): Promise<WebSocket> {
    const {url, protocols} = authorize('sharedb', new Tokens(secret).issue('ada', 'socket', seconds));
    const socket = new WebSocket(deployment.proxy.url.replace('http', 'ws') + url, protocols, options);
    sockets.push(socket);
    await once(socket, 'open');
    return socket;
  }

  const codeOf = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0] as number;

  /** The first line of the answer to a request, which may break the rules of HTTP. */
  async function statusOf(request: string): Promise<string> {
    const socket = connect(deployment.proxy.port, '127.0.0.1', () => socket.write(`${request}\r\nHost: server\r\nConnection: close\r\n\r\n`));
    let answer = '';
    socket.on('data', data => { answer += data; });
    await once(socket, 'close');
    return answer.split('\r\n', 1)[0]!;
  }

  it('answers requests with an invalid URL, and continues', async () => {
    for (const path of ['//', '//:', 'http://[', '/%', '/\\', '/%00', '/../../etc/passwd']) {
      expect(await statusOf(`GET ${path} HTTP/1.1`), path).to.match(/^HTTP\/1\.1 40\d /);
      expect(await statusOf('GET /health HTTP/1.1'), `after ${path}`).to.equal('HTTP/1.1 200 OK');
    }
    expect(deployment.servers[0]!.isRunning).to.equal(true);
  });

  it('refuses messages whose fields have wrong types, and continues', async () => {
    for (const message of [
      {a: 's', c: 'notes', d: null}, {a: 'f', c: 'notes', d: {x: 1}}, {a: 'bs', c: 'notes', b: {'team:1': null}}, {a: 'qs', id: 1, c: 'notes', q: null},
      {a: 'qs', id: 1, c: 'notes', q: {prefix: 5}}, {a: 'ps', ch: 5, seq: 1}, {a: 'p', ch: null, id: 'x', p: 1, pv: 1}, {a: 'pr', ch: {}},
      {a: 'op', c: 'notes', d: null, v: null, seq: 1, create: {type: 'json0'}}, {a: 'nf', c: 'notes', d: null, v: 1, id: 1}, null
    ]) {
      const socket = await open();
      socket.send(JSON.stringify(message));
      // Messages of one socket are handled in order, and the answer to a ping comes after them.
      socket.ping();
      await Promise.race([once(socket, 'pong'), once(socket, 'close')]);
      expect(await statusOf('GET /health HTTP/1.1'), JSON.stringify(message)).to.equal('HTTP/1.1 200 OK');
    }
    expect(deployment.servers[0]!.isRunning).to.equal(true);
  });

  it('receives the token with the subprotocol, not in the URL, and answers with the subprotocol alone', async () => {
    const socket = await open();
    expect(socket.url).to.match(/\/sharedb$/);
    expect(socket.protocol).to.equal(PROTOCOL);
  });

  it('keeps a socket whose token is valid for longer than a timer can run', async () => {
    const socket = await open({seconds: 2 ** 31 / 1000 + 3600});
    let code: number | undefined;
    socket.on('close', closed => { code = closed; });
    let pings = 0;
    socket.on('ping', () => pings++);
    await until('it was pinged twice', () => pings >= 2 || code !== undefined, PATIENCE);
    expect(code).to.equal(undefined);
  });

  it('closes a socket that has not answered a ping before the next ping', async () => {
    const [silent, other] = [await open({autoPong: false}), await open()];
    expect(await codeOf(silent)).to.equal(1006);
    expect(other.readyState).to.equal(WebSocket.OPEN);
  });

  it('closes its sockets with 1012 when it ends', async () => {
    // The proxy has to go on: it would cut the connections first.
    const codes = [await open(), await open()].map(codeOf);
    await deployment.servers[0]!.stop();
    expect(await Promise.all(codes)).to.eql([1012, 1012]);
    await deployment.servers[0]!.start();
  });
});
