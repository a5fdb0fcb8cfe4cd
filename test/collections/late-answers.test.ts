import {expect} from 'chai';
import {SharedMap, SharedQueue, transaction} from '../../lib/collections.js';
import {TroubledStorage} from '../store/troubled-storage.js';
import {CollectionsStage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

/** A host needs longer than this to restore a document. It is more than the time limit of two calls to a host, in ms. */
const LONG_MS = 25_000;

/** A storage whose reads take longer, when the test decides. */
class SlowStorage extends TroubledStorage {
  private isSlow = false;

  readSlowly(): void {
    this.isSlow = true;
  }

  override async read(...args: Parameters<TroubledStorage['read']>): ReturnType<TroubledStorage['read']> {
    if (this.isSlow) await new Promise(resolve => { setTimeout(resolve, LONG_MS); });
    return super.read(...args);
  }
}

describe('a host that takes longer to restore a collection than a call may take', () => {
  const withSlowHost = (act: (stage: CollectionsStage, time: VirtualTime, slowHost: () => void) => Promise<void>, options = {}) => (): Promise<void> => VirtualTime.run(async time => {
    const storage = new SlowStorage();
    const stage = new CollectionsStage({store: {storage}, ...options});
    try {
      await act(stage, time, () => {
        storage.readSlowly();
        stage.replaceHost();
      });
      expect(stage.errors).to.eql([]);
    } finally {
      stage.close();
    }
  });

  for (const scope of ['local', 'synced'] as const) {
    it(`answers a call that takes without waiting, ${scope}`, withSlowHost(async (stage, time, slowHost) => {
      const queue = await time.settled(SharedQueue.open<string>(stage.openTab(), 'work', {scope}));
      queue.enqueue('a');
      await time.settled(queue.flush({at: scope === 'local' ? 'host' : 'server'}));
      slowHost();
      await time.until('the tab is with the next host', () => stage.tabs[0]!.hostState === 'connected');
      const taken = [queue.tryDequeue(), queue.tryDequeue()];
      expect(await time.settled(Promise.all(taken))).to.eql(['a', undefined]);
      await time.until('nothing is left', () => queue.isEmpty && !queue.inFlight);
    }, {online: scope === 'synced'}));
  }

  it('gives the items that the tab has added while there was no host', withSlowHost(async (stage, time, slowHost) => {
    const queue = await time.settled(SharedQueue.open<string>(stage.openTab(), 'work'));
    stage.killHost();
    await time.until('the tab knows', () => stage.tabs[0]!.hostState !== 'connected');
    queue.enqueue('a');
    const taken = queue.tryDequeue();
    slowHost();
    queue.enqueue('b');
    expect(await time.settled(Promise.all([taken, queue.tryDequeue(), queue.tryDequeue()]))).to.eql(['a', 'b', undefined]);
  }));

  it('serves waiting calls, in order', withSlowHost(async (stage, time, slowHost) => {
    const [mine, theirs] = await time.settled(Promise.all([stage.openTab(), stage.openTab()].map(tab => SharedQueue.open<string>(tab, 'work'))));
    slowHost();
    await time.until('the tabs are with the next host', () => stage.tabs.every(({hostState}) => hostState === 'connected'));
    const first = mine!.dequeue();
    await time.turn();
    const second = mine!.take();
    await time.turn();
    theirs!.enqueueMany(['a', 'b']);
    expect([await time.settled(first), (await time.settled(second)).value]).to.eql(['a', 'b']);
  }));

  it('commits each transaction once', withSlowHost(async (stage, time, slowHost) => {
    const map = await time.settled(SharedMap.open<string, number>(stage.openTab(), 'counters'));
    map.set('a', 1);
    await time.settled(map.flush());
    slowHost();
    await time.until('the tab is with the next host', () => stage.tabs[0]!.hostState === 'connected');
    await time.settled(transaction(tx => {
      const counters = tx.in(map);
      counters.set('a', counters.get('a')! + 1);
    }, {timeout: 100_000}));
    expect(map.get('a')).to.equal(2);
  }));
});
