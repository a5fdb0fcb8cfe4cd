import {expect} from 'chai';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {ServerWatch} from '../../lib/host/server/server-watch.js';
import type {RealConnection} from '../../lib/host/upstream.js';
import {HandClock} from '../waiting/hand-clock.js';
import {Line} from './line.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

describe('a WebSocket to the server', () => {
  let clock: HandClock;
  let backend: Backend;
  let line: Line;
  let watch: ServerWatch;
  let reasons: string[];
  let pongs: number;

  beforeEach(async () => {
    clock = new HandClock();
    backend = new Backend();
    line = new Line(backend, clock);
    reasons = [];
    pongs = 0;
    watch = new ServerWatch(line.connection as unknown as RealConnection, {
      clock,
      reconnect: reason => {
        reasons.push(reason);
        line.reconnect(4408, reason);
      }
    });
    line.onOpen = () => watch.noteOpen();
    watch.noteOpen();
    (line.connection as unknown as {on(event: string, listener: () => void): void}).on('pong', () => pongs++);
    await clock.passSlowly(10);
    expect(line.connection.state).to.equal('connected');
  });

  afterEach(() => {
    line.connection.close();
    backend.close();
    expect(clock.isWaiting, 'a timer is left').to.equal(false);
  });

  it('that is alive is not replaced, and no listener gets pings', async () => {
    await clock.passSlowly(60_000);
    watch.check();
    await clock.passSlowly(60_000);
    expect([reasons, line.sockets, pongs]).to.eql([[], 1, 0]);
    expect(line.sent.filter(message => message === '{"a":"pp"}').length).to.equal(1);
  });

  it('that is dead is replaced when a request stays unanswered too long', async () => {
    line.isDead = true;
    line.connection.get('notes', 'a').fetch();
    await clock.passSlowly(16_000);
    expect(reasons).to.eql(['The server does not answer']);
    expect([line.connection.state, line.sockets]).to.eql(['connected', 2]);
  });

  it('that died after an answer is replaced when another request stays unanswered too long', async () => {
    line.connection.get('notes', 'a').fetch(() => { line.isDead = true; });
    line.connection.get('notes', 'b').fetch();
    await clock.passSlowly(16_000);
    expect(reasons).to.eql(['The server does not answer']);
    expect([line.connection.state, line.sockets]).to.eql(['connected', 2]);
  });

  it('that is dead is replaced when the browser says that it is online', async () => {
    line.isDead = true;
    watch.check();
    await clock.passSlowly(6000);
    expect([reasons.length, line.connection.state]).to.eql([1, 'connected']);
  });

  it('that is dead is replaced when the computer has slept', async () => {
    line.isDead = true;
    clock.jump(3_600_000);
    await clock.passSlowly(6000);
    expect([reasons.length, line.connection.state]).to.eql([1, 'connected']);
  });

  it('that is alive is not replaced when the computer has slept, or the clock was set', async () => {
    clock.jump(3_600_000);
    await clock.passSlowly(6000);
    clock.jump(-3_600_000);
    await clock.passSlowly(20_000);
    expect([reasons, line.sockets]).to.eql([[], 1]);
  });

  it('is not treated as dead because of a late timer', async () => {
    watch.check();
    // The answer has arrived, and is handled after the timer.
    clock.jump(30_000);
    await clock.passSlowly(1000);
    expect([reasons, line.sockets]).to.eql([[], 1]);
  });

  it('without a greeting is replaced, repeatedly', async () => {
    line.isSilent = true;
    line.reconnect();
    await clock.passSlowly(31_600);
    expect(reasons).to.eql(Array(3).fill('The server did not greet'));
    line.isSilent = false;
    await clock.passSlowly(11_000);
    expect(line.connection.state).to.equal('connected');
  });

  it('passes the pong of another ping on to its caller', async () => {
    watch.check();
    line.connection.ping();
    await clock.passSlowly(100);
    expect(pongs).to.equal(1);
  });

  it('to a server without pings is alive, and no error is shown', async () => {
    const errors: unknown[] = [];
    line.connection.on('error', error => errors.push(error));
    backend.use('receive', ({data}, next) => next((data as {a?: string}).a === 'pp' ? Object.assign(new Error('Invalid or unknown message'), {code: 'ERR_MESSAGE_BADLY_FORMED'}) : undefined));
    watch.check();
    await clock.passSlowly(20_000);
    expect([reasons, errors, line.sockets]).to.eql([[], [], 1]);
  });
});
