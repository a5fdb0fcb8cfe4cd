import {MessageChannel, type MessagePort} from 'node:worker_threads';
import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Channel, OpenChannel} from '../../lib/platform/platform.js';
import type {SessionId} from '../../lib/protocol/ids.js';
import {until} from '../waiting/until.js';
import {PortedConnection} from './ported-connection.js';

/** The channel is slow, so that what is said on the port would overtake it. */
const CHANNEL_MS = 5;

describe('a session that is offered a port', () => {
  let backend: Backend;
  let host: Host;
  let channel: OpenChannel;
  /** How many batches were posted on channels. */
  let batches = 0;
  const closed: MessagePort[] = [];
  const opened: MessagePort[] = [];
  const states: string[] = [];
  const connections: ProxyConnection[] = [];

  beforeEach(() => {
    batches = 0;
    for (const list of [closed, opened, states, connections]) list.length = 0;
    const slow = memoryChannels(deliver => setTimeout(deliver, CHANNEL_MS));
    channel = name => {
      const made = slow(name);
      const post = made.postMessage.bind(made);
      made.postMessage = data => {
        if ((data as {type?: string}).type === 'batch') batches++;
        post(data);
      };
      return made;
    };
    backend = new Backend();
    host = new Host({connection: backend.connect(), channel});
  });
  afterEach(() => {
    for (const connection of connections) connection.close();
    host.close();
  });

  /** @param hostOf who is to take the port, after so many ms */
  function connect(delay = 0, hostOf: () => Host = () => host): ProxyConnection {
    const connection = new PortedConnection({channel, hostTimeout: 60_000}, session => {
      const {port1, port2} = new MessageChannel();
      for (const port of [port1, port2]) {
        opened.push(port);
        port.on('close', () => closed.push(port));
      }
      setTimeout(() => { if (!hostOf().takePort(session, port2 as unknown as Channel)) port2.close(); }, delay);
      return port1 as unknown as Channel;
    });
    connection.on('hostState', state => states.push(state));
    connections.push(connection);
    return connection;
  }

  async function note(connection: ProxyConnection): Promise<ProxyDoc<{list: number[]}>> {
    const doc = connection.get<{list: number[]}>('notes', 'one');
    await doc.subscribe();
    if (!doc.type) await doc.create({list: []});
    return doc;
  }

  async function push(doc: ProxyDoc<{list: number[]}>, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const at = doc.data.list.length;
      void doc.submitOp({p: ['list', at], li: at});
      await new Promise(resolve => setTimeout(resolve));
    }
  }

  it('says the rest there, and in order, whatever was under way on the channel', async () => {
    const [one, other] = [await note(connect(7)), await note(connect(3))];
    await push(one, 50);
    await until('the other tab has it', () => other.data.list.length === 50);
    expect(other.data.list).to.eql(Array.from({length: 50}, (_, i) => i));
    const before = batches;
    await push(other, 20);
    await until('the first tab has it', () => one.data.list.length === 70);
    expect(batches).to.equal(before);
    expect(states).to.eql(['connected', 'connected']);
  });

  it('ends there, and closes it on both sides', async () => {
    const connection = connect();
    const doc = await note(connection);
    await push(doc, 3);
    connection.close();
    await until('the host has heard it', () => host.inspect().tabs === 0);
    await until('both ends are closed', () => closed.length === 2);
    expect(batches).to.be.below(10);
  });

  it('is offered another one when it begins anew', async () => {
    const connection = connect();
    const doc = await note(connection);
    (connection as unknown as {reconnect(reason: string): void}).reconnect('a test');
    await until('it is connected again', () => states.length === 3);
    await push(doc, 10);
    await doc.submitOp({p: ['list', 10], li: 10});
    expect(states).to.eql(['connected', 'lost', 'connected']);
    await until('the first port is closed, and the second one is not', () => opened.length === 4 && closed.length === 2);
  });

  it('stays where it is when nobody takes the port', async () => {
    const stranger = new Host({connection: backend.connect(), channel: memoryChannels(), namespace: 'another'});
    const doc = await note(connect(0, () => stranger));
    await push(doc, 10);
    await doc.submitOp({p: ['list', 10], li: 10});
    expect(doc.data.list).to.have.length(11);
    expect(states).to.eql(['connected']);
    stranger.close();
  });

  it('takes one port', async () => {
    let session: SessionId | undefined;
    const connection = new PortedConnection({channel}, id => {
      session = id;
      return undefined;
    });
    connections.push(connection);
    await until('it is there', () => session !== undefined);
    const ports = [new MessageChannel(), new MessageChannel()];
    const taken = ports.map(({port1}) => host.takePort(session!, port1 as unknown as Channel));
    expect(taken).to.eql([true, false]);
    for (const {port2} of ports) port2.close();
  });
});
