import {expect} from 'chai';
import {once} from 'node:events';
import {WebSocket} from 'ws';
import {PROTOCOL} from '../../examples/scale-out/sockets.js';
import {Tokens} from '../../examples/scale-out/tokens.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {IDLE_MS, MAX_PAYLOAD, DeploymentStage} from './stage.js';

describe('a socket', function () {
  this.timeout(400_000);
  let stage: DeploymentStage;
  const sockets: WebSocket[] = [];

  beforeEach(() => { stage = new DeploymentStage(); });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await stage.close();
  });

  function connect(...protocols: string[]): WebSocket {
    const socket = new WebSocket(`${stage.deployment.proxy.url.replace('http', 'ws')}sharedb`, protocols);
    sockets.push(socket);
    return socket;
  }

  const codeOf = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0] as number;

  it('without a token, with a forged token, a session token or an expired token is closed with 4401', async () => {
    const forged = new Tokens('another secret').issue('ada', 'socket', 60);
    for (const protocols of [[PROTOCOL], [PROTOCOL, forged], [PROTOCOL, stage.token('ada', -1)], [PROTOCOL, 'x.y']]) {
      expect(await codeOf(connect(...protocols))).to.equal(4401);
    }
  });

  it('is closed with 4401 when its token expires', async () => {
    const socket = connect(PROTOCOL, stage.token('ada', 1));
    await once(socket, 'open');
    expect(await codeOf(socket)).to.equal(4401);
  });

  it('without messages stays open through the proxy, because the server sends pings', async () => {
    const socket = connect(PROTOCOL, stage.token('ada', 600));
    let pings = 0;
    socket.on('ping', () => pings++);
    await once(socket, 'open');
    const opened = Date.now();
    await until('that time has passed', () => Date.now() > opened + 1.25 * IDLE_MS);
    expect(pings).to.be.above(0);
    expect(socket.readyState).to.equal(WebSocket.OPEN);
  });

  it('refuses a message that is too long; the tab reports the edit, and other edits continue', async () => {
    const others = await stage.plainClient('cleo', 0).open(stage.note);
    await settled(done => others.create({text: ''}, done));
    const tab = await (await stage.profile('a profile')).openTab('ada', stage.note);
    await tab.putCursorAtEnd();
    await tab.type('x'.repeat(MAX_PAYLOAD + 1));
    await until('the edit is a dead letter', async () => await tab.shown('letters') === '1', PATIENCE);
    await tab.putCursorAtEnd();
    await tab.type('short');
    await until('the next edit is there', () => others.data.text === 'short', PATIENCE);
  });
});
