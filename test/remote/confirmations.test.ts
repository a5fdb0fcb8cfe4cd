import {expect} from 'chai';
import {expose, type Connection} from '../../lib/remote.js';
import {Peer} from '../../lib/remote/connection.js';
import {transportOf} from '../../lib/remote/endpoints.js';
import {resolveOptions} from '../../lib/remote/options.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';

/** The number of the message that says which results have arrived. */
const SEEN = 5;

describe('results of remote calls that have arrived', () => {
  let clock: HandClock;
  let timers: number;
  let seen: number[][];
  let remote: any;
  let connections: Connection[];
  let ports: MessagePort[];

  beforeEach(() => {
    clock = new HandClock();
    timers = 0;
    seen = [];
    const {port1, port2} = new MessageChannel();
    ports = [port1, port2];
    const transport = transportOf(port1);
    const peer = new Peer({...transport, post(frame, transfer, delivery) {
      for (const message of (frame as [number, unknown, unknown[][]])[2]) if (message[0] === SEEN) seen.push(message[1] as number[]);
      return transport.post(frame, transfer, delivery);
    }}, resolveOptions(), {now: clock.now, after(ms, callback) {
      timers++;
      return clock.after(ms, callback);
    }});
    transport.onframe = frame => peer.transport.onframe?.(frame);
    connections = [peer, expose({add: (a: number, b: number) => a + b}, port2)];
    remote = peer.root;
  });

  afterEach(() => {
    for (const connection of connections) connection.close();
    for (const port of ports) port.close();
  });

  it('are confirmed with the next call, and consecutive calls share one timer', async () => {
    for (let i = 0; i < 100; i++) expect(await remote.add(i, 1)).to.equal(i + 1);
    expect(seen.flat()).to.have.length(99);
    expect(timers).to.equal(1);
  });

  it('are confirmed a second later if no call follows, again and again', async () => {
    for (let round = 1; round <= 3; round++) {
      await remote.add(1, 2);
      await remote.add(1, 2);
      clock.pass(1000);
      await until('they are confirmed', () => seen.flat().length === 2 * round);
      expect(clock.isWaiting).to.equal(false);
    }
  });
});
