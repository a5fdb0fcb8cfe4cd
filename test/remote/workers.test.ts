import {expect} from 'chai';
import {Worker} from 'node:worker_threads';
import {connectionOf, wrap, type Remote} from '../../lib/remote.js';
import {rejection} from './stage.js';

interface Service {
  add(a: number, b: number): number;
  call(f: (n: number) => number): number;
  never(): Promise<void>;
  exit(): void;
}

describe('a worker', function () {
  this.timeout(120_000);
  let worker: Worker;
  let remote: Remote<Service>;

  beforeEach(() => {
    worker = new Worker(new URL('./echo-worker.mjs', import.meta.url));
    remote = wrap<Service>(worker);
  });

  afterEach(() => worker.terminate());

  it('is called before it has loaded, and calls back', async () => {
    expect(await remote.add(1, 2)).to.equal(3);
    expect(await remote.call(n => n + 1)).to.equal(2);
  });

  it('that is terminated, or exits, rejects pending calls', async () => {
    await remote.add(1, 2);
    const pending = rejection(remote.never());
    await remote.add(1, 2);
    await worker.terminate();
    expect(await pending).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    expect(connectionOf(remote).state).to.equal('closed');
  });

  it('that exits in a call rejects that call', async () => {
    expect(await rejection(remote.exit())).to.have.property('code', 'ERR_REMOTE_CLOSED');
  });
});

describe('a shared worker', () => {
  it('that can\'t be loaded rejects calls; an error in a running one does not', async () => {
    // Node's ports have events of their own, so this one is a page's.
    const port = Object.assign(new EventTarget(), {postMessage() {}});
    const shared = Object.assign(new EventTarget(), {port});
    const call = wrap<Service>(shared).add(1, 2);
    const failed = rejection(call);
    shared.dispatchEvent(Object.assign(new Event('error'), {message: 'of another page'}));
    expect(connectionOf(call as never).state).to.equal('connecting');
    shared.dispatchEvent(new Event('error'));
    expect(await failed).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
  });
});
