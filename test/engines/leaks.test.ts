import {expect} from 'chai';
import {until} from '../waiting/until.js';
import {inEveryEngine} from './cases.js';
import {held} from './held.js';
import type {EngineStage} from './stage.js';
import type {Tab} from './tab.js';

const batch = 20;

/**
 * Opens tabs and closes them again. Each shows the document, types in it, and runs a query. They are frames of one page: each is
 * a page for the host, at a tenth of the cost of a window.
 */
async function openAndClose(stage: EngineStage, opener: Tab, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++) {
    await stage.inFrames(opener, batch);
    await until('the host knows that they are gone', async () => (await held(opener)).tabs === 1);
  }
}

inEveryEngine('opening and closing many tabs', open => {
  it('leaves no documents, followers, channels or locks, and memory does not grow', async () => {
    const stage = await open();
    const opener = await stage.openTab();
    await stage.untilSaved(opener);
    const before = await held(opener);

    // After the first round, everything that is loaded, compiled and cached once is there.
    await openAndClose(stage, opener, 1);
    const heap = async () => stage.hosting === 'shared-worker' ? stage.browser.workerHeap?.(stage.servers.url) : undefined;
    // Held objects are counted exactly; memory must grow by more than it varies.
    const batches = stage.hosting === 'shared-worker' && stage.browser.workerHeap ? 9 : 2;
    const warm = await heap();
    const started = Date.now();
    await openAndClose(stage, opener, batches);
    const seconds = (Date.now() - started) / 1000;

    await until('the host has what it had before the first of them', async () =>
      JSON.stringify(await held(opener)) === JSON.stringify(before)).catch(() => {});
    expect(await held(opener)).to.deep.equal(before);
    const end = await heap();
    console.log(`      ${batches * batch} tabs in ${seconds.toFixed(1)} s` +
      (warm !== undefined && end !== undefined ? `; heap of the worker: ${megabytes(warm)} MB after the first ${batch}, ${megabytes(end)} MB at the end` : ''));
    if (warm !== undefined && end !== undefined) expect(end, 'bytes on the heap of the worker').to.be.below(warm * 1.15 + 200_000);
    await opener.typeAt('end', 5);
    expect(stage.servers.sockets.total, 'WebSockets').to.equal(1);
  });
});

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}
