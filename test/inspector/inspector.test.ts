import {expect} from 'chai';
import {JSDOM} from 'jsdom';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {mountInspector, type MountedInspector, type MountOptions} from '../../lib/inspector.js';
import {describe as told} from '../../lib/inspector/describe.js';
import {Timeline} from '../../lib/inspector/timeline.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

describe('the inspector', () => {
  let backend: Backend;
  let host: Host;
  let connection: ProxyConnection;
  let other: ProxyConnection;
  let dom: JSDOM;
  let inspector: MountedInspector;

  beforeEach(async () => {
    const channel = memoryChannels();
    backend = new Backend();
    host = new Host({connection: backend.connect(), channel, store: false, place: 'shared-worker', build: '7', mirror: false, warn: () => {}});
    [connection, other] = [new ProxyConnection({channel}), new ProxyConnection({channel})];
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

  it('shows documents with what they have pending, and none of their data', async () => {
    backend.use('submit', () => {});
    void connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    open();
    button('Documents').click();
    await shows('notes/one', 'json0');
    await until('the edit is pending', () => all('td').at(-2)?.textContent === '1');
    expect(inspector.element.shadowRoot!.textContent).not.to.include('rosebud');
  });

  it("shows messages as they come, filtered, and documents' data only when asked to", async () => {
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

  it('retries and discards dead letters, and tells what goes wrong', async () => {
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
    expect(tabs.map(tab => tab.tabIndex)).to.eql([0, -1, -1, -1]);
    press(tabs[0]!, 'ArrowRight');
    expect(tabs.map(tab => tab.getAttribute('aria-selected'))).to.eql(['false', 'true', 'false', 'false']);
    press(tabs[1]!, 'End');
    press(tabs[3]!, 'ArrowRight');
    expect(tabs[0]!.getAttribute('aria-selected')).to.equal('true');
    press(tabs[0]!, 'Escape');
    expect(dom.window.document.querySelector('sharedb-tabs-inspector')).to.equal(null);
  });

  it('leaves nothing behind when it is closed', () => {
    const before = ['send', 'receive', 'state', 'status', 'saveState'].map(event => connection.listenerCount(event as 'send'));
    open();
    inspector.close();
    inspector.close();
    expect(['send', 'receive', 'state', 'status', 'saveState'].map(event => connection.listenerCount(event as 'send'))).to.eql(before);
    expect(dom.window.document.body.children).to.have.length(0);
  });

  it('says what is wrong with its options, and needs a page', () => {
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
        {a: 'op', c: 'notes', d: 'one', seq: 3, v: {inc: 1, rev: 2}, create: {type: 'http://sharejs.org/types/JSONv0', data: {x: 1}}},
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
