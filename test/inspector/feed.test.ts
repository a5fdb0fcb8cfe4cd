import {expect} from 'chai';
import {logger} from 'sharedb/lib/client/index.js';
import type {MessageFeed} from '../../lib/host/inspection/message-feed.js';
import {NamespaceFeed} from '../../lib/inspector/namespace-feed.js';
import {Timeline} from '../../lib/inspector/timeline.js';
import {joinNamespace} from '../../lib/inspector.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {InspectorStage, type Panel} from './panel.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

const feedOf = (stage: InspectorStage): MessageFeed | undefined =>
  (stage.host as unknown as {parts: {inspection: {feed?: MessageFeed}}}).parts.inspection.feed;

describe('the messages of all tabs in the inspector', () => {
  let stage: InspectorStage;
  let connection: ProxyConnection;
  let other: ProxyConnection;
  let panel: Panel;

  beforeEach(async () => {
    stage = new InspectorStage();
    [connection, other] = [stage.openTab(), stage.openTab()];
    await connection.get('notes', 'one').create({n: 1});
    await other.get('notes', 'one').subscribe();
  });

  afterEach(() => stage.close());

  const edit = (): Promise<void> => other.get('notes', 'one').submitOp([{p: ['n'], na: 1}]) as unknown as Promise<void>;

  async function openTimeline(of: ProxyConnection = connection): Promise<void> {
    panel = stage.open(of);
    panel.press('Timeline');
    if (of === connection) panel.choose('Whose messages', 'all');
    await until('the host keeps them', () => !!feedOf(stage));
  }

  const editsOfOther = (): string[] => panel.lines.filter(line => line.startsWith(`tab ${other.id!.slice(0, 8)} to host: op notes/one`));

  it('are there once, also if they are requested twice at a time', async () => {
    const timeline = new Timeline(100, () => 0);
    const feed = new NamespaceFeed(connection, timeline);
    await feed.read('epoch', false);
    await edit();
    await Promise.all([feed.read('epoch', false), feed.read('epoch', false), feed.read('epoch', false)]);
    await feed.read('epoch', false);
    expect(timeline.entries().filter(({text, direction}) => direction.startsWith('tab ') && text.startsWith('op notes/one'))).to.have.length(1);
  });

  it("are there once for this tab, too: as a message to the host, not as this tab's own", async () => {
    await openTimeline();
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await until('the edit is there', () => panel.lines.some(line => line.includes('to host: op notes/one')));
    await edit();
    await until('the other edit is there', () => editsOfOther().length === 1);
    expect(panel.lines.filter(line => /^(tab \w+ )?to host: op notes\/one/.test(line))).to.have.length(2);
  });

  it('are not mixed with those of this tab after the choice', async () => {
    await openTimeline();
    await edit();
    panel.press('Timeline');
    panel.choose('Whose messages', '');
    // The answer to the request before the choice has arrived.
    await connection.inspect();
    await connection.get('notes', 'one').submitOp([{p: ['n'], na: 1}]);
    await until('the view is drawn', () => panel.lines.some(line => line.startsWith('to host: op')));
    expect(editsOfOther()).to.eql([]);
  });

  it('continue after the inspector has requested none for a while', async function () {
    this.timeout(30_000);
    await openTimeline();
    for (let i = 0; i < 5; i++) await edit();
    await until('the edits are there', () => editsOfOther().length === 5);
    panel.show(false);
    await until('the host has ended the feed', () => !feedOf(stage));
    panel.show(true);
    await until('the host keeps them again', () => !!feedOf(stage));
    await edit();
    await until('the next edit is there', () => editsOfOther().length === 6);
  });

  it('are recorded while another view is shown', async function () {
    this.timeout(30_000);
    await openTimeline();
    panel.press('Overview');
    await until('time has passed', (() => {
      const end = Date.now() + 6000;
      return () => Date.now() > end;
    })());
    await edit();
    panel.press('Timeline');
    await until('the edit is there', () => editsOfOther().length === 1);
  });

  it("have data only for an inspector that shows them, if two read them", async () => {
    const timelines = [new Timeline(100, () => 0), new Timeline(100, () => 0)];
    const [withData, without] = timelines.map(timeline => new NamespaceFeed(connection, timeline));
    for (let i = 0; i < 3; i++) {
      await withData!.read('epoch', true);
      await without!.read('epoch', false);
      await other.get('notes', 'one').submitOp([{p: ['secret'], oi: 'rosebud'}]);
    }
    await withData!.read('epoch', true);
    await without!.read('epoch', false);
    const dataOf = (timeline: Timeline): (string | undefined)[] => timeline.entries().filter(({text}) => text.startsWith('op notes/one')).map(({data}) => data);
    expect(dataOf(timelines[1]!).filter(data => data !== undefined)).to.eql([]);
    expect(dataOf(timelines[0]!)).to.have.length.at.least(3);
    expect(dataOf(timelines[0]!).filter(data => data === undefined)).to.eql([]);
  });

  it('are shown without their data when the data are not wanted any more', async () => {
    await openTimeline();
    panel.check("Show documents' data");
    await connection.inspect();
    await other.get('notes', 'one').submitOp([{p: ['secret'], oi: 'rosebud'}]);
    await panel.shows('rosebud');
    panel.check("Show documents' data");
    expect(panel.text).not.to.include('rosebud');
    expect(editsOfOther()).to.have.length(1);
    panel.check("Show documents' data");
    expect(panel.text).not.to.include('rosebud');
  });

  it('continue with the next host, which numbers them from 1', async function () {
    this.timeout(60_000);
    await openTimeline();
    for (let i = 0; i < 5; i++) await edit();
    await until('the edits are there', () => editsOfOther().length === 5);
    stage.host.close();
    stage.startHost();
    await until('the next host keeps them', () => !!feedOf(stage));
    await edit();
    await until('the next edit is there', () => editsOfOther().length >= 6);
    await edit();
    await until('both edits are there', () => editsOfOther().length >= 7);
    expect(editsOfOther().filter(line => line.includes('seq 7'))).to.have.length(1);
  });

  it('arrive in a read-only page from its start on', async () => {
    const observer = joinNamespace({channel: stage.channel});
    try {
      panel = stage.open(observer);
      await until('the host keeps them', () => !!feedOf(stage));
      await edit();
      panel.press('Timeline');
      await until('the edit is there', () => editsOfOther().length === 1);
    } finally {
      observer.close();
    }
  });
});
