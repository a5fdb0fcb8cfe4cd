import {expect} from 'chai';
import {SharedQueue} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {CollectionsStage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

/** Tests in a browser that has Web Locks. */
const withLocks = (online: boolean, act: (stage: CollectionsStage, time: VirtualTime) => Promise<void>) => (): Promise<void> => VirtualTime.run(async time => {
  const stage = new CollectionsStage({online, hasLocks: true});
  try {
    await act(stage, time);
    expect(stage.errors).to.eql([]);
  } finally {
    stage.close();
  }
});

for (const scope of ['local', 'synced'] as const) {
  describe(`an item of a ${scope} queue that a tab has under a lease`, () => {
    const isSynced = scope === 'synced';
    const open = (tab: ProxyConnection): Promise<SharedQueue<string>> => SharedQueue.open<string>(tab, 'work', {scope, leaseTimeout: isSynced ? 600_000 : undefined});
    /** The time in ms until the item is given out again. */
    const timeUntilTaken = async (queue: SharedQueue<string>, time: VirtualTime): Promise<number> => {
      const start = Date.now();
      const lease = await time.settled(queue.take());
      expect([lease.value, lease.attempts]).to.eql(['a', 1]);
      return Date.now() - start;
    };

    it('returns 100 ms after the tab\'s death', withLocks(isSynced, async (stage, time) => {
      const [tab, other] = [stage.openTab(), stage.openTab()];
      const [mine, theirs] = await time.settled(Promise.all([open(tab), open(other)]));
      mine.enqueue('a');
      await time.settled(theirs.take());
      stage.killTab(other);
      expect(await timeUntilTaken(mine, time)).to.be.at.most(100);
    }));

    it('returns a second after the start of a browser that was killed', withLocks(isSynced, async (stage, time) => {
      const tab = stage.openTab();
      const queue = await time.settled(open(tab));
      queue.enqueue('a');
      await time.settled(queue.take());
      await time.settled(queue.flush({at: isSynced ? 'server' : 'host'}));
      stage.killTab(tab);
      stage.replaceHost();
      const next = await time.settled(open(stage.openTab()));
      expect(await timeUntilTaken(next, time)).to.be.at.most(1000);
    }));

    it('stays with a tab that continues while its host dies', withLocks(isSynced, async (stage, time) => {
      const [tab, other] = [stage.openTab(), stage.openTab()];
      const [mine, theirs] = await time.settled(Promise.all([open(tab), open(other)]));
      mine.enqueue('a');
      const lease = await time.settled(theirs.take());
      await time.settled(mine.flush({at: isSynced ? 'server' : 'host'}));
      stage.replaceHost();
      const taken = mine.take({timeout: 10_000}).catch(({code}: {code: string}) => code);
      expect([await time.settled(taken), lease.signal.aborted]).to.eql(['ERR_TABS_TIMEOUT', false]);
      await time.settled(lease.done());
    }));
  });
}
