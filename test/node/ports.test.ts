import {MessageChannel, type MessagePort} from 'node:worker_threads';
import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import type {ProxyConnection, ProxyDoc} from '../../lib/index.js';
import {PendingPorts} from '../../lib/election/pending-ports.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Channel, OpenChannel} from '../../lib/platform/platform.js';
import type {Absent, Hello} from '../../lib/protocol/frames.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {PortedConnection} from './ported-connection.js';
import {Browser} from '../support/browser.js';

type Notes = {list: number[]};

describe('a host that is greeted on a port', () => {
  let backend: Backend;
  let host: Host;
  let channel: OpenChannel;
  /** The types of the messages posted on channels. */
  let posted: string[];
  /** Messages posted on channels that are held back; undefined while nothing is held back. */
  let held: (() => void)[] | undefined;
  const hellos: Hello[] = [];
  const closed: MessagePort[] = [];
  const opened: MessagePort[] = [];
  const states: string[] = [];
  const connections: ProxyConnection[] = [];

  beforeEach(async () => {
    posted = [];
    held = undefined;
    for (const list of [hellos, closed, opened, states, connections]) list.length = 0;
    const plain = memoryChannels(deliver => { if (held) held.push(deliver); else queueMicrotask(deliver); });
    channel = name => {
      const made = plain(name);
      const post = made.postMessage.bind(made);
      made.postMessage = data => {
        posted.push((data as {type: string}).type);
        post(data);
      };
      return made;
    };
    backend = new Backend();
    host = new Host({connection: backend.connect(), channel});
    await until('it has said that it is there', () => posted.includes('here'));
    posted.length = 0;
  });
  afterEach(() => {
    for (const connection of connections) connection.close();
    host.close();
  });

  /** @param receive gets the greeting and the host's end of the port */
  function connect(receive: (hello: Hello, port: Channel) => void = admit): ProxyConnection {
    const connection = new PortedConnection({channel, hostTimeout: 60_000}, hello => {
      const {port1, port2} = new MessageChannel();
      hellos.push(hello);
      for (const port of [port1, port2]) {
        opened.push(port);
        port.on('close', () => closed.push(port));
      }
      receive(hello, port2 as unknown as Channel);
      return port1 as unknown as Channel;
    });
    connection.on('hostState', state => states.push(state));
    connections.push(connection);
    return connection;
  }

  /** Passes the greeting to the host, as a worker does. */
  function admit(hello: Hello, port: Channel, to = host): void {
    const pendingPorts = new PendingPorts();
    pendingPorts.open((...greeting) => to.admit(...greeting));
    pendingPorts.receive(hello, port);
  }

  async function note(connection: ProxyConnection): Promise<ProxyDoc<Notes>> {
    const doc = connection.get<Notes>('notes', 'one');
    await doc.subscribe();
    if (!doc.type) await doc.create({list: []});
    return doc;
  }

  async function push(doc: ProxyDoc<Notes>, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const at = doc.data.list.length;
      void doc.submitOp({p: ['list', at], li: at});
      await new Promise(resolve => setTimeout(resolve));
    }
  }

  const listOf = (length: number): number[] => Array.from({length}, (_, i) => i);

  it('sends all messages on the port', async () => {
    const [one, other] = [await note(connect()), await note(connect())];
    await push(one, 50);
    await until('the other tab has it', () => other.data.list.length === 50);
    expect(other.data.list).to.eql(listOf(50));
    await push(other, 20);
    await until('the first tab has it', () => one.data.list.length === 70);
    expect(posted).to.eql([]);
    expect(states).to.eql(['connected', 'connected']);
  });

  it('receives a new tab\'s requests and edits before the tab has the welcome', async () => {
    const shown = await note(connect());
    let come = (): void => {};
    const connection = connect((hello, port) => { come = () => admit(hello, port); });
    const doc = connection.get<Notes>('notes', 'one');
    const other = connection.get<Notes>('notes', 'two');
    const done: string[] = [];
    doc.subscribe(() => done.push('subscribed'));
    other.create({list: [7]}, () => done.push('created'));
    other.submitOp({p: ['list', 1], li: 8});
    await new Promise(resolve => setTimeout(resolve, 20));
    expect([connection.hostState, connection.canSend, done]).to.eql(['connecting', true, []]);
    const told: string[] = [];
    connection.on('hostState', state => told.push(state));
    connection.on('state', state => told.push(state));
    come();
    await until('both are done', () => done.length === 2);
    expect(told).to.eql(['connected', 'connected']);
    expect(doc.data).to.eql(shown.data);
    const server = backend.connect().get('notes', 'two');
    await new Promise<void>(resolve => server.fetch(() => resolve()));
    expect(server.data).to.eql({list: [7, 8]});
    expect(hellos).to.have.length(2);
  });

  it('is given up if it does not answer the messages that came with the greeting', async () => {
    const {locks} = new Browser(new Random(1)).process();
    const connection = new PortedConnection({channel, locks, hostTimeout: 50}, hello => {
      const {port1, port2} = new MessageChannel();
      const {attempt, session} = hello;
      // A host that hangs after its first message.
      if (attempt === 1) port2.postMessage({type: 'welcome', attempt, epoch: 'hangs', generation: 0, place: 'shared-worker', lineage: 'none', session});
      else admit(hello, port2 as unknown as Channel);
      opened.push(port2);
      return port1 as unknown as Channel;
    });
    connections.push(connection);
    connection.on('hostState', state => states.push(state));
    const doc = connection.get<Notes>('notes', 'one');
    await doc.create({list: [1]});
    expect(states).to.eql(['connected', 'lost', 'connected']);
    for (const port of opened) port.close();
  });

  it('ends there, and closes it on both sides', async () => {
    const connection = connect();
    const doc = await note(connection);
    await push(doc, 3);
    connection.close();
    await until('the host has heard it', () => host.inspect().tabs === 0);
    await until('both ends are closed', () => closed.length === 2);
    expect(posted).to.eql([]);
  });

  it('is notified of the end of a tab that it has not answered yet', async () => {
    let come = (): void => {};
    const connection = connect((hello, port) => { come = () => admit(hello, port); });
    connection.get<Notes>('notes', 'one').create({list: [1]});
    connection.close();
    come();
    expect(host.inspect().tabs).to.equal(1);
    await until('the tab is gone', () => host.inspect().tabs === 0);
  });

  it('does not begin another session when an earlier greeting arrives late on the greeting channel', async () => {
    held = [];
    const connection = connect((hello, port) => {
      if (hello.attempt > 1) admit(hello, port);
      else port.postMessage({type: 'absent', attempt: hello.attempt} satisfies Absent);
    });
    const doc = await note(connection);
    expect(posted).to.eql(['hello']);
    held.forEach(deliver => deliver());
    await push(doc, 5);
    await doc.submitOp({p: ['list', 5], li: 5});
    expect(doc.data.list).to.eql(listOf(6));
    expect(states).to.eql(['connected']);
  });

  it('is greeted on another port when a session begins again', async () => {
    const connection = connect();
    const doc = await note(connection);
    connection.hostClient.sessionClient!.reconnect('a test');
    await until('it is connected again', () => states.length === 3);
    await push(doc, 10);
    await doc.submitOp({p: ['list', 10], li: 10});
    expect(states).to.eql(['connected', 'lost', 'connected']);
    await until('the first port is closed, and the second one is not', () => opened.length === 4 && closed.length === 2);
    expect(posted).to.eql([]);
  });

  describe('and is not behind it', () => {
    const elsewhere: Record<string, (hello: Hello, port: Channel) => void> = {
      'which is told': (hello, port) => {
        const stranger = new Host({connection: backend.connect(), channel: memoryChannels(), namespace: 'another'});
        stranger.close();
        admit(hello, port, stranger);
      },
      'of which nothing is heard': () => {}
    };
    for (const [how, receive] of Object.entries(elsewhere)) {
      it(`${how}, is found on the greeting channel, and has each edit once`, async () => {
        const connection = connect(receive);
        const told: unknown[] = [];
        connection.on('state', state => told.push(state));
        const doc = connection.get<Notes>('notes', 'one');
        const results: unknown[] = [];
        doc.subscribe(error => results.push(error));
        doc.create({list: [0]}, error => results.push(error));
        doc.submitOp({p: ['list', 1], li: 1}, error => results.push(error));
        await until('all is done', () => results.length === 3);
        expect(results.filter(Boolean)).to.eql([]);
        await push(doc, 3);
        await doc.submitOp({p: ['list', 5], li: 5});
        const server = backend.connect().get('notes', 'one');
        await new Promise<void>(resolve => server.fetch(() => resolve()));
        expect(server.data).to.eql({list: listOf(6)});
        expect([states, told]).to.eql([['connected'], ['connected']]);
        expect(posted).to.include.members(['hello', 'welcome', 'batch']);
        await until('the tab has closed the port', () => closed.length > 0);
      });
    }
  });

  describe('of a worker that is just starting', () => {
    let pendingPorts: PendingPorts;

    beforeEach(() => {
      pendingPorts = new PendingPorts();
      pendingPorts.expect();
    });

    const connectToWorker = (): ProxyConnection => connect((hello, port) => pendingPorts.receive(hello, port));
    const open = (): void => pendingPorts.open((hello, port) => host.admit(hello, port));

    it('has the greeting, with its messages, when it acquires the host lock', async () => {
      const connections = [connectToWorker(), connectToWorker()];
      const docs = connections.map(connection => connection.get<Notes>('notes', 'one'));
      const whenSubscribed = docs.map(doc => doc.subscribe());
      const whenCreated = docs[0]!.create({list: [0]});
      await new Promise(resolve => setTimeout(resolve, 20));
      expect(states).to.eql([]);
      open();
      await Promise.all([...whenSubscribed, whenCreated]);
      await push(docs[0]!, 4);
      await until('the other tab has it', () => docs[1]!.data?.list.length === 5);
      expect([states, posted, hellos.length]).to.eql([['connected', 'connected'], [], 2]);
    });

    it('leaves the greeting to the current host if it has to wait', async () => {
      const connection = connectToWorker();
      const whenSubscribed = connection.get('notes', 'one').subscribe();
      await new Promise(resolve => setTimeout(resolve));
      pendingPorts.close();
      await until('the tab greets on the greeting channel', () => posted.includes('hello'));
      await whenSubscribed;
      expect([states, hellos.length]).to.eql([['connected'], 1]);
      await note(connectToWorker());
      expect(posted.filter(type => type === 'hello')).to.have.length(2);
    });

    it('acquires the host lock after the tab has stopped waiting', async () => {
      held = [];
      const connection = connectToWorker();
      const whenSubscribed = connection.get('notes', 'one').subscribe();
      await until('the tab greets on the greeting channel as well', () => posted.includes('hello'));
      open();
      await whenSubscribed;
      expect([states, hellos.length]).to.eql([['connected'], 1]);
    });

    it('answers the last greeting of a tab', async () => {
      const connection = connectToWorker();
      const doc = connection.get<Notes>('notes', 'one');
      const whenCreated = doc.create({list: [0]});
      (connection.hostClient as unknown as {sessionClient: {greet(): void}}).sessionClient.greet();
      expect(hellos).to.have.length(2);
      await until('the first port is closed', () => closed.length === 2);
      open();
      await whenCreated;
      await push(doc, 4);
      expect(states).to.eql(['connected']);
      expect(host.inspect().tabs).to.equal(1);
    });

    it('ignores messages of a tab that has left since', async () => {
      const connection = connectToWorker();
      connection.get('notes', 'one').create({list: [0]}, () => {});
      await new Promise(resolve => setTimeout(resolve));
      const [{tabId}] = hellos as [Hello];
      connection.close();
      pendingPorts.withdraw(tabId);
      open();
      const doc = connectToWorker().get('notes', 'one');
      await doc.fetch();
      expect(doc.data).to.equal(undefined);
      expect(host.inspect().tabs).to.equal(1);
    });

    it('is notified of the end of a tab that has greeted more than once', async () => {
      const connection = connectToWorker();
      (connection.hostClient as unknown as {sessionClient: {greet(): void}}).sessionClient.greet();
      connection.close();
      open();
      expect(host.inspect().tabs).to.equal(1);
      await until('the tab is gone', () => host.inspect().tabs === 0);
    });

    it('keeps greetings again when its host has ended, for the next host', async () => {
      open();
      pendingPorts.close();
      pendingPorts.expect();
      const whenSubscribed = connectToWorker().get('notes', 'one').subscribe();
      await new Promise(resolve => setTimeout(resolve, 20));
      expect(states).to.eql([]);
      open();
      await whenSubscribed;
      expect([states, posted]).to.eql([['connected'], []]);
    });
  });

  for (const first of ['on the port', 'on the greeting channel'] as const) {
    it(`begins one session if it was busy, and receives the greeting ${first} first`, async () => {
      await note(connect());
      states.length = 0;
      held = [];
      let come = (): void => {};
      const connection = connect((hello, port) => { come = () => admit(hello, port); });
      const doc = connection.get<Notes>('notes', 'one');
      const whenSubscribed = doc.subscribe();
      await until('it is greeted on the greeting channel as well', () => posted.includes('hello'));
      const waiting = held;
      held = undefined;
      const hear = {'on the port': come, 'on the greeting channel': () => waiting.forEach(deliver => deliver())};
      hear[first]();
      for (const other of Object.values(hear)) if (other !== hear[first]) other();
      await whenSubscribed;
      await push(doc, 5);
      await doc.submitOp({p: ['list', 5], li: 5});
      expect(doc.data.list).to.eql(listOf(6));
      expect(states).to.eql(['connected']);
      expect(posted.includes('batch')).to.equal(first === 'on the greeting channel');
      expect(host.inspect().tabs).to.equal(2);
    });
  }
});
