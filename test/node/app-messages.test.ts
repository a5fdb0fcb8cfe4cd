import {createRequire} from 'node:module';
import {expect} from 'chai';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {isOfApp} from '../../lib/protocol/app-messages.js';
import {until} from '../waiting/until.js';

interface Agent {
  send(message: unknown): void;
}

describe('messages of the app itself', () => {
  const channel = memoryChannels();
  let backend: Backend;
  let real: any;
  let host: Host;
  let tabs: ProxyConnection[];
  /** The app's messages that the server has received. */
  let received: unknown[];
  let agents: Agent[];
  const complaints: unknown[] = [];

  beforeEach(async () => {
    received = [];
    agents = [];
    complaints.length = 0;
    logger.setMethods({info: () => {}, warn: (...args: unknown[]) => complaints.push(args), error: () => {}});
    backend = new Backend();
    backend.use('connect', ({agent}, next) => {
      agents.push(agent as unknown as Agent);
      next();
    });
    backend.use('receive', ({agent, data}: any, next: (error?: Error) => void) => {
      if (!isOfApp(data)) return next();
      received.push(data);
      if (data.wants) agent.send(data.wants);
      return undefined;
    });
    real = backend.connect();
    host = new Host({connection: real, channel, store: false, warn: message => complaints.push(message)});
    tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
    for (const tab of tabs) await until('the tab is connected', () => tab.state === 'connected');
  });

  afterEach(() => {
    for (const tab of tabs) tab.close();
    host.close();
    logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});
  });

  /** Listens as an app does: handles its own messages and does not pass them on to ShareDB. */
  function hear(tab: ProxyConnection): unknown[] {
    const heard: unknown[] = [];
    tab.on('receive', request => {
      if (!isOfApp(request.data)) return;
      heard.push(request.data);
      (request as {data: unknown}).data = null;
    });
    return heard;
  }

  it('reach the server, and the server\'s reach every tab, unchanged', async () => {
    const heard = tabs.map(hear);
    const messages = [{a: 'chat', text: 'hello'}, {type: 'no action'}, {a: 'app.dotted', list: [1, null, {deep: true}]}, {a: 'toString'}, {a: 5}];
    for (const message of messages) tabs[0]!.send(message);
    await until('the server has them', () => received.length === messages.length);
    expect(received).to.eql(messages);
    const answers = [{a: 'chat', text: 'answer'}, {type: 'no action'}, 'a text', 5, ['list']];
    for (const answer of answers) tabs[1]!.send({wants: answer});
    await until('the tabs have them', () => heard.every(({length}) => length === answers.length));
    expect(heard).to.eql([answers, answers]);
    expect(complaints).to.eql([]);
  });

  it('keep their order among the edits', async () => {
    const order: string[] = [];
    backend.use('receive', ({data}: any, next: (error?: Error) => void) => {
      if (data.a === 'op') order.push('op');
      next();
    });
    const doc = tabs[0]!.get('notes', 'a');
    await doc.create({n: 0});
    tabs[0]!.send({a: 'first'});
    await doc.submitOp([{p: ['n'], na: 1}]);
    tabs[0]!.send({a: 'second'});
    await until('the server has both', () => received.length === 2);
    expect(received).to.eql([{a: 'first'}, {a: 'second'}]);
    expect(order).to.eql(['op', 'op']);
  });

  it('cause ShareDB\'s error for an unknown message, if no app handles them', async () => {
    tabs[0]!.send({wants: {a: 'nobody', listens: true}});
    await until('both tabs have complained', () => complaints.length === 2);
    expect(complaints).to.eql([0, 1].map(() => ['Ignoring unrecognized message', {a: 'nobody', listens: true}]));
  });

  it('throw, or cause an error, without a connection to the server', async () => {
    real.close();
    await until('the tab knows', () => tabs[0]!.state === 'closed');
    expect(() => tabs[0]!.send({a: 'chat'})).to.throw('there is no connection').with.property('code', 'ERR_TABS_OFFLINE');

    const errors: any[] = [];
    tabs[1]!.on('error', error => errors.push(error));
    // The tab does not know yet that the server is there.
    tabs[1]!.state = 'connected';
    tabs[1]!.send({a: 'chat'});
    await until('it is told', () => errors.length === 1);
    expect(errors[0]).to.include({code: 'ERR_TABS_OFFLINE'});
    expect(received).to.eql([]);
  });

  it('are none of ShareDB\'s own', () => {
    const {ACTIONS} = createRequire(import.meta.url)('sharedb/lib/message-actions') as {ACTIONS: Record<string, string>};
    for (const action of Object.values(ACTIONS)) expect(isOfApp({a: action}), action).to.equal(false);
    for (const message of [null, undefined, 5, 'op', {}, {a: null}, {a: 'ops'}, {a: 'b'}, {a: 'host.status'}]) expect(isOfApp(message)).to.equal(true);
  });
});
