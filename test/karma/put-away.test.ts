import {expect} from 'chai';
import {tabLockName} from '../../lib/protocol/version.js';
import {until} from '../waiting/until.js';
import {epochOf, KarmaStage, untilOtherHost, type Options, type Tab} from './stage.js';
import {TypingTabs} from './typing-tabs.js';

/** Dispatches the events of the back/forward cache, which no script can control. */
function turn({page}: Tab, event: 'pagehide' | 'pageshow'): void {
  const {PageTransitionEvent: OfPage} = page as unknown as typeof globalThis;
  page.dispatchEvent(new OfPage(event, {persisted: true}));
}

describe('a page that is put into the back/forward cache', function() {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  async function locksOf(id: string): Promise<string[]> {
    const {held = [], pending = []} = await navigator.locks.query();
    return [...held, ...pending].map(({name}) => name ?? '').filter(name => name === tabLockName(stage.id, id));
  }

  for (const [title, options, missed] of [
    ['with a shared worker', {}, 1100],
    ['with a host in its own worker', {mode: 'elected-tab', ownWorker: 'good'}, 70],
    ['with a host in itself', {mode: 'elected-tab'}, 1100]
  ] as [string, Options, number][]) {
    it(`${title} releases everything, and is restored with its edits and ${missed} of the others`, async () => {
      const tabs = new TypingTabs(stage, options);
      const [away, other] = await tabs.addMany(3);
      await tabs.talk();
      const epoch = await epochOf(other!);
      // All in one turn: none of it has been sent.
      away!.typist.stop();
      for (let i = 0; i < 5; i++) away!.typist.type();
      turn(away!, 'pagehide');
      const {version} = away!.doc;
      await until('its lock is free', async () => (await locksOf(away!.connection.id!)).length === 0);
      if (options.mode) await untilOtherHost(other!, epoch);
      while (other!.typist.count < missed) {
        for (let i = 0; i < 20; i++) other!.typist.type();
        await new Promise(resolve => setTimeout(resolve, 5));
      }
      await until('the others go on', () => tabs.open[2]!.doc.data.list.length > missed);
      expect(away!.doc.version).to.equal(version);

      turn(away!, 'pageshow');
      for (let i = 0; i < 5; i++) away!.typist.type();
      await tabs.conclude();
    });
  }
});
