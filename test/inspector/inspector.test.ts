import {expect} from 'chai';
import {JSDOM} from 'jsdom';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ConnectGate} from '../../lib/host/server/connect-gate.js';
import {ProxyConnection} from '../../lib/index.js';
import {joinNamespace, mountInspector, type MountedInspector, type MountOptions} from '../../lib/inspector.js';
import {describe as told} from '../../lib/protocol/describe.js';
import {Timeline} from '../../lib/inspector/timeline.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {OpenChannel} from '../../lib/platform/platform.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** What answers the inspector's questions in a host. */
const inspectionOf = (host: Host): {feed?: object} => (host as unknown as {parts: {inspection: {feed?: object}}}).parts.inspection;

describe('the inspector', () => {
  let backend: Backend;
  let host: Host;
  let connection: ProxyConnection;
  let other: ProxyConnection;
  let dom: JSDOM;
  let inspector: MountedInspector;
  let channel: OpenChannel;
  /** What this tab and its host have posted on this tab's channel, and on the greeting channel. */
  let posted: number;

  beforeEach(async () => {
    backend = new Backend({presence: true});
    channel = memoryChannels();
    posted = 0;
    startHost();
    [connection, other] = [new ProxyConnection({channel: counted}), new ProxyConnection({channel})];
    dom = new JSDOM('<!doctype html><body></body>');
    await connection.get('notes', 'one').create({secret: 'rosebud', n: 1});
    await other.get('notes', 'one').subscribe();
  });

  afterEach(() => {
    inspector?.close();
    connection.close();
    other.close();
    host.close();
  });

  function startHost(options: Partial<ConstructorParameters<typeof Host>[0]> = {}): void {
    host = new Host({
      connection: backend.connect(), channel, store: false, place: 'shared-worker', build: '7', mirror: false, warn: () => {}, ...options
    });
  }

  const counted: OpenChannel = name => {
    const opened = channel(name);
    const post = opened.postMessage.bind(opened);
    opened.postMessage = (...args) => {
      posted++;
      post(...args);
    };
    return opened;
  };

  function open(options: MountOptions = {}): void {
    inspector = mountInspector(connection, {parent: dom.window.document.body, ...options});
  }
  const panel = (): HTMLElement => inspector.element.shadowRoot!.querySelector('[role=tabpanel]')!;
  const all = <E extends Element = HTMLElement>(selector: string): E[] => [...inspector.element.shadowRoot!.querySelectorAll<E>(selector)];
  const button = (name: string): HTMLElement => all('button').find(one => one.textContent === name || one.getAttribute('aria-label') === name)!;
  const shows = (...texts: string[]): Promise<void> =>
    until(`it shows ${texts.join(', ')}`, () => texts.every(text => panel().textContent!.includes(text)));
  const check = (label: string): void => {
    const box = inspector.element.shadowRoot!.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`)!;
    box.click();
  };

  it('shows this tab, the host and its tabs', async () => {
    open();
    await shows('shared-worker', `${connection.id} (this one)`, other.id!, 'connected', '0 batches');
  });

  it('shows documents with their pending ops, and none of their data', async () => {
    backend.use('submit', () => {});
    void connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    open();
    button('Documents').click();
    await shows('notes/one', 'json0');
    await until('the edit is pending', () => all('td').at(-2)?.textContent === '1');
    expect(inspector.element.shadowRoot!.textContent).not.to.include('rosebud');
  });

  it("shows a document's present data only on request, and drops them afterwards", async () => {
    const asked: string[] = [];
    const inspect = connection.inspect.bind(connection);
    connection.inspect = options => {
      asked.push(JSON.stringify(options));
      return inspect(options);
    };
    const doc = connection.get('notes', 'one');
    open();
    button('Documents').click();
    await shows('notes/one');
    expect(button('Data of notes/one')).to.equal(undefined);
    check("Show documents' data");
    await until('there is a button', () => !!button('Data of notes/one'));
    expect(asked.join()).not.to.include('"one"');
    expect(panel().textContent).not.to.include('rosebud');
    button('Data of notes/one').focus();
    button('Data of notes/one').click();
    await shows('notes/one, version 1', '"secret": "rosebud"');
    expect(button('Data of notes/one').getAttribute('aria-pressed')).to.equal('true');
    expect(inspector.element.shadowRoot!.activeElement).to.equal(button('Data of notes/one'));
    await doc.submitOp([{p: ['secret'], od: 'rosebud', oi: 'sledge'}]);
    // Each click asks the host at once.
    await until('it shows the change', () => {
      if (panel().textContent!.includes('notes/one, version 2')) return panel().textContent!.includes('"secret": "sledge"');
      button('Documents').click();
      return false;
    });
    button('Documents').click();
    expect(asked.at(-1), 'it is not asked for data that have not changed').not.to.include('"one"');
    button('Data of notes/one').click();
    expect(panel().textContent).not.to.include('sledge');
    button('Data of notes/one').click();
    await shows('"secret": "sledge"');
    check("Show documents' data");
    expect(panel().textContent).not.to.include('sledge');
    check("Show documents' data");
    await until('there is a button', () => !!button('Data of notes/one'));
    expect(panel().textContent).not.to.include('sledge');
  });

  it('reports the data of a document that the host has open, and opens none for that', async () => {
    const dataOf = async (id: string) => (await connection.inspect({doc: {collection: 'notes', id}}) as {docData?: {json?: string; length: number}}).docData;
    expect(JSON.parse((await dataOf('one'))!.json!)).to.eql({secret: 'rosebud', n: 1});
    expect(await dataOf('two')).to.equal(undefined);
    expect(host.inspect().docs).to.equal(1);
    await connection.get('notes', 'none').subscribe();
    expect(await dataOf('none')).to.include({version: 0, length: 0}).and.not.to.have.property('json');
    await connection.get('notes', 'long').create({text: 'x'.repeat(200_000)});
    const long = (await dataOf('long'))!;
    expect([long.json!.length, long.length > 200_000]).to.eql([100_000, true]);
    expect(await connection.inspect()).not.to.have.property('docData');
  });

  it("shows messages as they arrive, filtered, and documents' data only on request", async () => {
    open();
    button('Timeline').click();
    void connection.get('notes', 'one').submitOp([{p: ['plan'], oi: 'sledge'}]);
    await shows('to host', 'op notes/one', '1 component', 'from host');
    expect(panel().textContent).not.to.include('sledge');
    check("Show documents' data");
    void connection.get('notes', 'one').submitOp([{p: ['more'], oi: 'snow'}]);
    await shows('snow');
    const search = panel().querySelector<HTMLInputElement>('input[type=search]')!;
    search.value = 'nothing like this';
    search.dispatchEvent(new dom.window.Event('input'));
    expect(panel().querySelectorAll('td')).to.have.length(0);
    search.value = 'notes/one';
    search.dispatchEvent(new dom.window.Event('input'));
    expect(panel().querySelectorAll('td').length).to.be.above(0);
    button('Clear').click();
    await shows('Nothing has happened yet');
  });

  it('retries and discards dead letters, and shows errors', async () => {
    let refuses = true;
    backend.use('submit', (_context, next) => next(refuses ? new Error('Read only') : undefined));
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]).catch(() => {});
    open();
    button('Store').click();
    await shows('Read only', 'notes/one');
    button('Retry the edit of notes/one').click();
    await until('it is told', () => all('[role=status]')[0]!.textContent === 'Retry failed: Read only');
    refuses = false;
    button('Retry the edit of notes/one').click();
    await shows('The server has refused no edit.');
    await until('it is done', () => other.get('notes', 'one').data.n === 2);
  });

  it('is used with the keyboard alone', () => {
    open();
    const tabs = all('[role=tab]');
    const press = (target: Element, key: string): void => {
      target.dispatchEvent(new dom.window.KeyboardEvent('keydown', {key, bubbles: true, composed: true}));
    };
    expect(tabs.map(tab => tab.tabIndex)).to.eql([0, -1, -1, -1, -1, -1]);
    press(tabs[0]!, 'ArrowRight');
    expect(tabs.map(tab => tab.getAttribute('aria-selected'))).to.eql(['false', 'true', 'false', 'false', 'false', 'false']);
    press(tabs[1]!, 'End');
    press(tabs.at(-1)!, 'ArrowRight');
    expect(tabs[0]!.getAttribute('aria-selected')).to.equal('true');
    press(tabs[0]!, 'Escape');
    expect(dom.window.document.querySelector('sharedb-tabs-inspector')).to.equal(null);
  });

  it('lists queries and presences with their followers', async () => {
    await new Promise<void>((resolve, reject) => {
      other.createSubscribeQuery('notes', {secret: 'rosebud'}, null, error => (error ? reject(error as Error) : resolve()));
    });
    await connection.getPresence('room').subscribe();
    await other.getPresence('room').create('bob').submit({secret: 'rosebud'});
    open();
    button('Queries').click();
    const short = other.id!.slice(0, 8);
    await shows('{"secret":"…"}', 'the server', short, 'room', `bob (tab ${short})`, 'this tab');
    expect(inspector.element.shadowRoot!.textContent).not.to.include('rosebud');
    check("Show queries' values");
    await shows('{"secret":"rosebud"}');
  });

  it('shows mode, build, visibility and lag of each tab', async () => {
    (connection as unknown as {report(): object}).report = () => ({mode: 'elected-tab', build: '8.1', isVisible: false});
    open();
    await shows('elected-tab', '8.1', 'hidden', 'visible', ' ms');
  });

  it('reports that the host does not answer, until it answers', async () => {
    const inspect = host.inspect.bind(host);
    open();
    await shows('shared-worker');
    let goOn = (): void => {};
    Object.assign(inspectionOf(host), {report: () => new Promise(resolve => { goOn = () => resolve(inspect()); })});
    await shows('The host does not answer');
    goOn();
    Object.assign(inspectionOf(host), {report: async () => inspect()});
    await until('it answers', () => !panel().textContent!.includes('does not answer'));
  });

  it('shows the messages of all tabs and the host, and of the host and the server, on request', async () => {
    open();
    button('Timeline').click();
    const whose = panel().querySelector<HTMLSelectElement>('select[aria-label="Whose messages"]')!;
    whose.value = 'all';
    whose.dispatchEvent(new dom.window.Event('change'));
    await until('the host keeps them', () => !!inspectionOf(host).feed);
    void other.get('notes', 'one').submitOp([{p: ['secret'], oi: 'sledge'}]);
    await shows(`tab ${other.id!.slice(0, 8)} to host`, 'host to server', 'server to host', 'op notes/one');
    expect(panel().textContent).not.to.include('sledge');
  });

  describe('its faults', () => {
    it('explains how to allow them if the host refuses them', async () => {
      open();
      button('Faults').click();
      await shows('startHost({allowFaults: true})');
      expect(button('Kill the host')).to.equal(undefined);
      const error = await connection.callHost('host.fault', {fault: 'kill'}).catch((error: unknown) => error);
      expect(error).to.have.property('code', 'ERR_TABS_FAULT_REFUSED');
      expect(host.inspect().state).to.equal('connected');
    });

    it('kills the host, and shows its refusals', async () => {
      host.close();
      let killed = 0;
      startHost({faults: {gate: new ConnectGate(), kill: () => { killed++; }}});
      open();
      button('Faults').click();
      await shows('as it is');
      button('Cut the network').click();
      await until('it is told', () => all('[role=status]')[0]!.textContent!.includes('without `reconnect()`'));
      button('Kill the host').click();
      await until('the host is killed', () => killed === 1);
    });

    it('slows the link', async () => {
      host.close();
      startHost({faults: {gate: new ConnectGate()}});
      open();
      button('Faults').click();
      await shows('as it is');
      button('Slow the link').click();
      await shows('each message takes 100 ms longer');
      button('Restore the network').click();
      await shows('as it is');
    });
  });

  describe('in a page of its own', () => {
    it('shows the namespace, counts as no tab, and changes nothing', async () => {
      await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
      const observer = joinNamespace({channel});
      observer.get('notes', 'two').on('error', () => {});
      try {
        inspector = mountInspector(observer, {parent: dom.window.document.body});
        await shows(connection.id!, other.id!, `${observer.id} (this one)`, 'Rights', 'read-only');
        expect(host.inspect().tabs).to.equal(2);
        expect(connection.status.tabs).to.equal(2);
        for (const act of [
          () => observer.get('notes', 'one').fetch(), () => observer.get('notes', 'one').subscribe(), () => observer.get('notes', 'two').create({n: 1}),
          () => observer.deadLetters.discard('x'), () => observer.callHost('host.clear'), () => observer.callHost('host.fault', {fault: 'kill'}),
          () => observer.callHost('tab.orphanedOps', {} as OrphanedOpsMessage), () => observer.getPresence('room').subscribe()
        ]) {
          const error = await Promise.resolve(act()).then(() => undefined, (error: unknown) => error);
          expect(error, String(act)).to.have.property('code', 'ERR_TABS_READ_ONLY');
        }
        button('Timeline').click();
        await until('the host keeps them', () => !!inspectionOf(host).feed);
        void other.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
        await shows(`tab ${other.id!.slice(0, 8)} to host`);
        button('Faults').click();
        await shows('This page is read-only');
      } finally {
        observer.close();
      }
      await until('the host has forgotten it', () => host.inspect().tabList.length === 2);
    });

    it('shows refused edits without buttons', async () => {
      backend.use('submit', (_context, next) => next(new Error('Read only')));
      await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]).catch(() => {});
      const observer = joinNamespace({channel});
      inspector = mountInspector(observer, {parent: dom.window.document.body});
      button('Store').click();
      await shows('Read only', 'notes/one');
      expect(all('button').map(one => one.textContent)).not.to.include.members(['Retry']).and.not.include.members(['Discard']);
      observer.close();
    });

    it('waits for a host, starts none, and keeps none open', async () => {
      host.close();
      const observer = joinNamespace({channel});
      inspector = mountInspector(observer, {parent: dom.window.document.body});
      await shows('No host answers', 'open a tab of the app');
      connection.close();
      other.close();
      startHost({idleAfter: 50});
      await until('it has found the host', () => observer.hostState === 'connected');
      const tab = new ProxyConnection({channel});
      await until('there is a tab', () => host.inspect().tabs === 1);
      tab.close();
      await host.whenClosed;
      observer.close();
    });
  });

  it('costs nothing before it is mounted and after it is closed: not a message', async () => {
    await other.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await until('all is told', () => connection.status.pendingOps === 0 && other.status.pendingOps === 0);
    // A session has nothing to say while nothing happens; the inspector has.
    const told = async (): Promise<number> => {
      const before = posted;
      await new Promise(resolve => setTimeout(resolve, 1200));
      return posted - before;
    };
    await until('nothing is told before', async () => await told() === 0);
    open();
    await shows('shared-worker');
    expect(await told(), 'while it is open').to.be.above(0);
    inspector.close();
    await until('its last question is answered', () => !connection.hostClient.sessionClient!.hasOpenCalls);
    await until('nothing is told after', async () => await told() === 0);
  });

  it('leaves nothing behind when it is closed', () => {
    const before = ['send', 'receive', 'state', 'status', 'saveState'].map(event => connection.listenerCount(event as 'send'));
    open();
    inspector.close();
    inspector.close();
    expect(['send', 'receive', 'state', 'status', 'saveState'].map(event => connection.listenerCount(event as 'send'))).to.eql(before);
    expect(dom.window.document.body.children).to.have.length(0);
  });

  it('refuses wrong options by name, and needs a page', () => {
    expect(() => open({limit: 0})).to.throw('limit').with.property('code', 'ERR_TABS_BAD_OPTION');
    expect(() => mountInspector(connection)).to.throw('no page').with.property('code', 'ERR_TABS_BAD_OPTION');
  });

  describe('its timeline', () => {
    it('forgets the oldest entries', () => {
      const timeline = new Timeline(10, () => 0);
      for (let i = 1; i <= 100; i++) timeline.add({kind: 'op', direction: 'in', text: `op ${i}`});
      expect(timeline.entries().map(({n}) => n)).to.eql([100, 99, 98, 97, 96, 95, 94, 93, 92, 91]);
      expect(timeline.entries({text: 'OP 9', kinds: new Set(['op'])})).to.have.length(9);
      expect(timeline.entries({kinds: new Set(['doc'])})).to.eql([]);
    });

    it('describes messages without data', () => {
      const texts = [
        {a: 'op', c: 'notes', d: 'one', seq: 3, at: {inc: 1, rev: 2}, create: {type: 'http://sharejs.org/types/JSONv0', data: {x: 1}}},
        {a: 'q', id: 4, diff: [{}, {}]}, {a: 'p', ch: 'room', id: 'x', p: {secret: 1}}, {a: 'f', c: 'notes', d: 'one', error: {code: 'ERR_X', message: 'No'}},
        {a: 'constructor'}
      ].map(message => told(message));
      expect(texts).to.eql([
        {kind: 'op', text: 'op notes/one creates JSONv0 seq 3'}, {kind: 'query', text: 'query change #4 2 changes'},
        {kind: 'presence', text: 'presence channel room'}, {kind: 'error', text: 'fetch notes/one failed: ERR_X No'},
        {kind: 'other', text: 'constructor'}
      ]);
    });
  });
});
