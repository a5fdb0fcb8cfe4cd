import {expect} from 'chai';
import Backend from 'sharedb';
import {Connection} from 'sharedb/lib/client/index.js';
import {checkOptions} from '../../lib/options/connect-options.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {systemClock} from '../../lib/platform/browser.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Clock} from '../../lib/platform/platform.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {startHost} from '../../lib/worker.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

const DAY = 24 * 60 * 60 * 1000;
const MINUTE = 60 * 1000;

/** The system's clock, which can be set forward. Waits of a minute end when the test decides. */
class PutForward implements Clock {
  ahead = 0;
  private waiting: (() => void)[] = [];
  readonly now = (): number => Date.now() + this.ahead;
  readonly after = (ms: number, callback: () => void): (() => void) => {
    if (ms !== MINUTE) return systemClock.after(ms, callback);
    this.waiting.push(callback);
    return () => { this.waiting = this.waiting.filter(other => other !== callback); };
  };

  passMinute(): void {
    for (const callback of this.waiting.splice(0)) callback();
  }
}

describe('a host that starts after stored documents have not been opened for long', () => {
  const storage = new InMemoryStorage();
  const backend = new Backend();
  const clock = new PutForward();
  let channel = memoryChannels();
  let host: Host;

  function start(maxAge: number | undefined): void {
    channel = memoryChannels();
    const connection = new Connection({readyState: 3, close() {}, send() {}} as never);
    backend.connect(connection);
    host = new Host({connection, channel, clock, store: {storage, maxAge}, warn: () => {}});
  }

  const stored = async (): Promise<string[]> => (await storage.inventory()).map(({key}) => key.join('/')).sort();

  async function end(tab: ProxyConnection): Promise<void> {
    await tab.flushWrites();
    tab.close();
    host.close();
    await host.whenClosed;
  }

  afterEach(() => host.close());

  it('deletes them a minute after its start, except open and local documents', async () => {
    start(undefined);
    const first = new ProxyConnection({channel, warn: () => {}});
    for (const [c, d] of [['notes', 'a'], ['notes', 'b'], ['local:notes', 'c']] as const) {
      const doc: ProxyDoc = first.get(c, d);
      await settled(callback => doc.create({of: d}, callback));
      await settled(callback => doc.destroy(callback));
    }
    await until('all are stored, with nothing unsent', async () => (await storage.inventory()).filter(({hasPending}) => !hasPending).length === 3);
    await end(first);

    clock.ahead = 92 * DAY;
    start(undefined);
    const second = new ProxyConnection({channel, warn: () => {}});
    const used = second.get('notes', 'b');
    await settled(callback => used.subscribe(callback));
    expect(await stored()).to.eql(['local:notes/c', 'notes/a', 'notes/b']);
    clock.passMinute();
    await until('a is deleted', async () => (await stored()).length === 2);
    expect(await stored()).to.eql(['local:notes/c', 'notes/b']);
    expect(used.data).to.eql({of: 'b'});
    await end(second);

    clock.ahead = 1000 * DAY;
    start(Infinity);
    const third = new ProxyConnection({channel, warn: () => {}});
    await settled(callback => third.get('notes', 'a').subscribe(callback));
    clock.passMinute();
    await third.flushWrites();
    expect(await stored()).to.eql(['local:notes/c', 'notes/a', 'notes/b']);
    await end(third);
  });

  it('refuses a maxAge that is not a time, and a maxSize that is not a size', () => {
    for (const maxAge of [0, -1, NaN, '90 days'] as number[]) {
      expect(() => checkOptions({store: {maxAge}}), `createConnection ${maxAge}`).to.throw(/option store takes .*maxAge/);
      expect(() => startHost({store: {maxAge}}), `startHost ${maxAge}`).to.throw(/maxAge/);
    }
    for (const maxSize of [0, -1, NaN, '5 MB'] as number[]) {
      expect(() => checkOptions({store: {maxSize}}), `createConnection ${maxSize}`).to.throw(/option store takes .*maxSize/);
      expect(() => startHost({store: {maxSize}}), `startHost ${maxSize}`).to.throw(/maxSize/);
    }
    checkOptions({store: {maxAge: Infinity, maxSize: 5e6}});
  });
});
