import {expect} from 'chai';
import {logger} from 'sharedb/lib/client/index.js';
import type {ProxyConnection} from '../../lib/index.js';
import {joinNamespace, mountInspector, type JoinOptions, type MountOptions} from '../../lib/inspector.js';
import {Timeline} from '../../lib/inspector/timeline.js';
import {until} from '../waiting/until.js';
import {InspectorStage, Panel} from './panel.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

describe("the inspector's views", () => {
  let stage: InspectorStage;
  let connection: ProxyConnection;

  beforeEach(async () => {
    stage = new InspectorStage();
    connection = stage.openTab();
    await connection.get('notes', 'one').create({n: 1});
  });

  afterEach(() => stage.close());

  it('refuse options that do not exist, and values that they do not take', () => {
    const mounting = (options: object): (() => unknown) => () => stage.open(connection, options as MountOptions);
    for (const [options, message] of [
      [{showdata: true}, 'mountInspector: there is no option showdata. Did you mean showData?'],
      [{showData: 'yes'}, 'mountInspector: option showData takes true or false, not yes'],
      [{limit: 1.5}, 'mountInspector: option limit takes an integer of at least 1, not 1.5'],
      [{parent: null}, 'mountInspector: option parent takes an element, not null'],
      [{parent: '#inspector'}, 'mountInspector: option parent takes an element, not #inspector']
    ] as const) expect(mounting(options), message).to.throw(message).with.property('code', 'ERR_TABS_BAD_OPTION');
    const {document} = new Panel(connection).window;
    expect(() => mountInspector(document.body as never, {parent: document.body})).to.throw('takes a connection').with.property('code', 'ERR_TABS_BAD_OPTION');
  });

  it('refuse options of joinNamespace that do not exist, and values that they do not take', () => {
    const joining = (options: unknown): (() => unknown) => () => joinNamespace(options as JoinOptions).close();
    for (const [options, message] of [
      [{channel: stage.channel, nameSpace: 'ann'}, 'joinNamespace: there is no option nameSpace. Did you mean namespace?'],
      [{channel: stage.channel, namespace: ''}, 'joinNamespace: option namespace takes a non-empty string'],
      [{channel: stage.channel, getToken: () => 'x'}, 'joinNamespace: there is no option getToken'],
      ['ann', 'joinNamespace takes an object of options, not ann']
    ] as const) expect(joining(options), message).to.throw(message).with.property('code', 'ERR_TABS_BAD_OPTION');
  });

  it('keep the focus and the choice of a list when they are drawn again', async () => {
    stage.host.close();
    stage.startHost({faults: {gate: {isClosed: false, isUsed: false, check() {}}}});
    const panel = stage.open(connection);
    panel.press('Faults');
    await panel.shows('as it is');
    const choice = (): HTMLSelectElement => panel.root.querySelector('select[aria-label="How long the host is frozen"]')!;
    choice().value = '30000';
    choice().focus();
    panel.press('Slow the link');
    const before = choice();
    await panel.shows('each message takes 100 ms longer');
    expect(choice() === before, 'it is the same element').to.equal(false);
    expect(choice().value).to.equal('30000');
    expect(panel.root.activeElement === choice(), 'it has the focus').to.equal(true);
  });

  it('keep the focus on a table, which the user scrolls', async () => {
    const panel = stage.open(connection);
    const table = (label: string): HTMLElement => panel.root.querySelector(`[role=region][aria-label="${label}"]`)!;
    panel.press('Documents');
    await panel.shows('notes/one');
    const first = table('Documents that the host has open');
    first.focus();
    await connection.get('notes', 'two').create({n: 1});
    await panel.shows('notes/two');
    expect(table('Documents that the host has open') === first, 'it is the same element').to.equal(false);
    expect(panel.root.activeElement === table('Documents that the host has open'), 'it has the focus').to.equal(true);
    panel.press('Timeline');
    await until('there are messages', () => panel.lines.length > 0);
    const messages = table('Messages and events, the last first');
    messages.focus();
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await panel.shows('op notes/one 1 component');
    expect(table('Messages and events, the last first') === messages, 'it is the same element').to.equal(false);
    expect(panel.root.activeElement === table('Messages and events, the last first'), 'it has the focus').to.equal(true);
  });

  it('keep the focus in the row that had it, if two rows have buttons with one label', async () => {
    stage.backend.use('submit', (_context, next) => next(new Error('Read only')));
    for (let i = 0; i < 2; i++) await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]).catch(() => {});
    const panel = stage.open(connection);
    panel.press('Store');
    const retries = (): HTMLElement[] => panel.all('button').filter(({textContent}) => textContent === 'Retry');
    await until('both are there', () => retries().length === 2);
    const second = retries()[1]!;
    second.focus();
    await connection.get('notes', 'two').create({n: 1}).catch(() => {});
    await until('there is another one', () => retries().length === 3);
    const focused = panel.root.activeElement!;
    expect(focused === second, 'it is the same element').to.equal(false);
    expect(focused.closest('[data-id]')!.getAttribute('data-id')).to.equal(second.closest('[data-id]')!.getAttribute('data-id'));
  });

  it('show the newest 200 events, and how many older ones pass the filter', async () => {
    const panel = stage.open(connection);
    panel.press('Timeline');
    for (let i = 0; i < 130; i++) await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await panel.shows('more events are not shown.');
    expect(panel.lines).to.have.length(200);
  });

  it('show events in the order of their times', () => {
    const timeline = new Timeline(10, () => 0);
    for (const time of [3, 5, 4, 4, 1, 6]) timeline.add({kind: 'op', direction: '', text: `at ${time}`, time});
    expect(timeline.entries().map(({text}) => text)).to.eql(['at 6', 'at 5', 'at 4', 'at 4', 'at 3', 'at 1']);
    expect(timeline.entries().filter(({time}) => time === 4).map(({n}) => n)).to.eql([4, 3]);
  });

  it('filter the events of a pause, and keep them', async () => {
    const panel = stage.open(connection, {limit: 100});
    panel.press('Timeline');
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await panel.shows('op notes/one', 'edits are unsaved');
    panel.check('Pause');
    const kept = panel.root.querySelector('table');
    for (let i = 0; i < 60; i++) await connection.get('notes', 'two').create({n: 1}).then(() => connection.get('notes', 'two').del());
    await until('a second has passed', (() => {
      const end = Date.now() + 1200;
      return () => Date.now() > end;
    })());
    expect(panel.root.querySelector('table') === kept, 'a selection in it stays').to.equal(true);
    panel.choose('Filter by kind', 'op');
    expect(panel.lines.join()).to.include('op notes/one').and.not.include('notes/two').and.not.include('edits are');
    panel.choose('Filter by kind', 'state');
    expect(panel.lines.join()).to.include('edits are unsaved');
    panel.check('Pause');
    panel.choose('Filter by kind', 'op');
    expect(panel.lines.join()).to.include('op notes/two');
  });

  it('give the number of queries and channels that are not shown', async () => {
    for (let i = 0; i < 102; i++) connection.createSubscribeQuery('notes', {n: i});
    for (let i = 0; i < 103; i++) connection.getPresence(`room ${i}`).subscribe(() => {});
    const panel = stage.open(connection);
    panel.press('Queries');
    await panel.shows('2 more queries are not shown.', '3 more channels are not shown.');
  });

  it('show a read-only page the next host, and let it export what the host keeps', async () => {
    stage.backend.use('submit', (_context, next) => next(new Error('Read only')));
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]).catch(() => {});
    const observer = joinNamespace({channel: stage.channel});
    const files: string[] = [];
    try {
      const panel = stage.open(observer);
      Object.assign(panel.window, {Blob: class { constructor([text]: [string]) { files.push(text); } }});
      Object.assign(panel.window.URL, {createObjectURL: () => 'blob:file', revokeObjectURL: () => {}});
      panel.window.HTMLAnchorElement.prototype.click = () => {};
      await panel.shows(stage.host.inspect().epoch);
      panel.press('Store');
      await panel.shows('Read only');
      panel.press('Export dead letters');
      panel.press('Export quarantine');
      await until('both are files', () => files.length === 2);
      // Dead letters and what is quarantined, in the order in which the host has answered.
      expect(files.map(text => (JSON.parse(text) as unknown[]).length).sort()).to.eql([0, 1]);
      expect(panel.said).to.equal('');
      stage.host.close();
      stage.startHost();
      panel.press('Overview');
      await panel.shows(stage.host.inspect().epoch, connection.id!);
    } finally {
      observer.close();
    }
  });

  it('stay usable when their connection is closed', async () => {
    const panel = stage.open(connection);
    await panel.shows('shared-worker');
    connection.close();
    await panel.shows('No host answers: The connection is closed');
    for (const view of ['Documents', 'Queries', 'Timeline', 'Store', 'Faults', 'Overview']) panel.press(view);
    panel.press('Copy report');
    await panel.shows('No host answers');
  });
});
