import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {sockets} from './server-control.js';
import {epochOf, KarmaStage, untilOtherHost, type Options} from './stage.js';
import {TypingTabs} from './typing-tabs.js';

const places: [title: string, options: Options][] = [
  ['in a worker', {ownWorker: 'good'}],
  ['in the page', {}],
  ['in the page, since the worker\'s script is missing,', {ownWorker: 'missing'}],
  ['in the page, since the worker\'s script throws,', {ownWorker: 'throwing'}]
];

describe('a host of an elected tab', function() {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  for (const [title, options] of places) {
    it(`${title} serves all tabs with one socket`, async () => {
      const tabs = new TypingTabs(stage, {without: ['SharedWorker'], ...options});
      const opened = await tabs.addMany(3);
      expect(opened.map(({connection}) => connection.mode)).to.eql(['elected-tab', 'elected-tab', 'elected-tab']);
      for (const {mode} of opened) expect((await mode).reason).to.equal('This browser has no SharedWorker');
      await tabs.talk();
      expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
      await tabs.conclude();
    });
  }

  for (const [title, options] of places.slice(0, 2)) {
    const open = (): TypingTabs => new TypingTabs(stage, {mode: 'elected-tab', ...options});

    it(`${title} is followed by another one when its tab closes the connection`, async () => {
      const tabs = open();
      const [first, second] = await tabs.addMany(3);
      await tabs.talk();
      const epoch = await epochOf(second!);
      tabs.leave(first!);
      await first!.typist.expectAnswers();
      first!.connection.close();
      await tabs.talk();
      await untilOtherHost(second!, epoch);
      await tabs.conclude();
    });

    it(`${title} is followed by another one when its tab is reloaded`, async () => {
      const tabs = open();
      const [first, second] = await tabs.addMany(3);
      await tabs.talk();
      const epoch = await epochOf(second!);
      tabs.leave(first!);
      await tabs.type(await first!.reload());
      await tabs.talk();
      await untilOtherHost(second!, epoch);
      await tabs.conclude();
    });

    it(`${title} is followed by another one five times in a row`, async () => {
      const tabs = open();
      await tabs.addMany(2);
      for (let i = 0; i < 5; i++) {
        const [elected] = tabs.open;
        const next = await tabs.add();
        const epoch = await epochOf(next);
        tabs.leave(elected!);
        elected!.close();
        await tabs.talk();
        await untilOtherHost(next, epoch);
      }
      await tabs.conclude();
    });
  }
});

describe('tabs that start at the same time', function() {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  for (const [title, options, counts] of [
    ['with a shared worker', {hostTimeout: 30_000}, [2, 20]],
    ['with workers of their own', {without: ['SharedWorker'], ownWorker: 'good', hostTimeout: 30_000}, [2, 20]],
    ['with their pages alone', {without: ['SharedWorker'], hostTimeout: 30_000}, [2]]
  ] as [string, Options, number[]][]) {
    for (const count of counts) {
      it(`have one host: ${count} ${title}`, async () => {
        const frames = await Promise.all(Array.from({length: count}, () => stage.loadFrame()));
        const tabs = new TypingTabs(stage);
        const first = frames.map(connect => connect(options));
        // The document is created once.
        await tabs.type(first[0]!);
        await Promise.all(first.slice(1).map(tab => tabs.type(tab)));
        await tabs.talk(2);
        await until('all have the same host', async () => new Set(await Promise.all(first.map(epochOf))).size === 1);
        expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
        await tabs.conclude();
      });
    }
  }
});
