import {expect} from 'chai';
import {connectionOf, expose, transfer, wrap, type Connection, type Remote} from '../../lib/remote.js';
import {until} from '../waiting/until.js';
import type {Helper} from './remote-worker.js';
import type {Service} from './remote-shared-worker.js';

/** The examples of `sharedb-tabs/remote`, in a real page with a real worker. */
describe('calls between a page and its worker', function () {
  this.timeout(120_000);
  let worker: Worker;
  let helper: Remote<Helper>;
  let page: Connection;

  beforeEach(() => {
    worker = new Worker(new URL('./remote-worker.ts', import.meta.url), {type: 'module'});
    helper = wrap<Helper>(worker);
    page = expose(window, worker, {name: 'page', allowEvaluate: true});
  });

  afterEach(() => {
    page.close();
    connectionOf(helper).close();
    worker.terminate();
    document.getElementById('driven')?.remove();
  });

  it('let the worker control a button, whose handler runs in the worker', async () => {
    await helper.makeButton();
    await until('the button is there', () => !!document.getElementById('driven'));
    const button = document.getElementById('driven')!;
    for (const text of ['clicked 1', 'clicked 2']) {
      button.click();
      await until('the worker has answered', () => button.textContent === text);
    }
  });

  it('evaluate an object of stubs, and functions, of a canvas', async () => {
    expect(await helper.draw()).to.eql({width: 40, height: 30, type: 'data:image/png;', pixels: 1200});
  });

  it('give the worker a file, and the page keeps it', async () => {
    const file = new File(['some text'], 'some.txt');
    expect(await helper.readFile(file)).to.equal('some text');
    expect(await file.text()).to.equal('some text');
  });

  it('transmit streams and iterables, and transfer buffers', async () => {
    let left = 20;
    const stream = new ReadableStream<Uint8Array>({pull: controller => (left-- ? controller.enqueue(new Uint8Array(100_000)) : controller.close())});
    expect(await helper.size(stream)).to.equal(2_000_000);
    const numbers: number[] = [];
    for await (const n of helper.count(5)) numbers.push(n);
    expect(numbers).to.eql([1, 2, 3, 4, 5]);
    const buffer = new ArrayBuffer(1000);
    expect(await helper.detached(transfer(buffer))).to.equal(1000);
    expect(buffer.byteLength).to.equal(0);
  });

  it('keep the class, code and cause of errors', async () => {
    const error = await helper.fail().then(() => undefined, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(TypeError).with.property('code', 'E_ASKED');
    expect((error as Error).cause).to.be.instanceOf(RangeError);
  });

  it('are rejected when the connection is closed before its worker is terminated', async () => {
    const pending = Array.from({length: 20}, () => helper.never().then(() => undefined, (error: unknown) => error));
    await helper.count(1).next();
    connectionOf(helper).close();
    worker.terminate();
    for (const error of await Promise.all(pending)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
  });

  it('are rejected when its worker is terminated', async () => {
    const pending = Array.from({length: 20}, () => helper.never().then(() => undefined, (error: unknown) => error));
    await helper.count(1).next();
    await untilHeld(1);
    worker.terminate();
    for (const error of await Promise.all(pending)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
  });
});

/** Waits until so many locks of other contexts are awaited: a context that dies before it holds its lock is not missed. */
async function untilHeld(count: number): Promise<void> {
  let awaited = 0;
  await until('the locks of the other sides are awaited', () => {
    void navigator.locks.query().then(({pending = []}) => {
      awaited = pending.filter(({name}) => name!.startsWith('sharedb-tabs/remote/')).length;
    });
    return awaited >= count;
  });
}

describe('calls of a shared worker that ends itself', () => {
  it('are rejected, and later ones, too', async () => {
    const shared = new SharedWorker(new URL('./remote-shared-worker.ts', import.meta.url), {type: 'module', name: crypto.randomUUID()});
    const service = wrap<Service>(shared);
    expect(await service.add(1, 2)).to.equal(3);
    const pending = Array.from({length: 20}, () => service.never().then(() => undefined, (error: unknown) => error));
    // Each side awaits the lock of the other.
    await untilHeld(2);
    const start = performance.now();
    void service.end().then(() => {}, () => {});
    for (const error of await Promise.all(pending)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    console.log(`rejected after ${Math.round(performance.now() - start)} ms`);
    const late = await service.add(1, 2).then(() => undefined, (error: unknown) => error);
    expect(late).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
  });
});
