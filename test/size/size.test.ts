import {expect} from 'chai';
import {type Size, type Sizes, weigh} from './bundles.js';

/** What the library may add to ShareDB's own client in what a tab loads, in bytes, compressed. */
const MAX_ADDED = 8 * 1024;

const scripts = {
  plain: `
    import {Connection} from 'sharedb/lib/client/index.js';
    globalThis.connection = new Connection(new WebSocket('/sharedb'));
  `,
  tab: `
    import {createConnection} from 'sharedb-tabs';
    globalThis.connection = createConnection({url: '/sharedb', sharedWorker: () => new SharedWorker('/worker.js')});
  `,
  worker: `
    import {startHost} from 'sharedb-tabs/worker';
    startHost();
  `
};

describe('what a tab loads', function () {
  this.timeout(120_000);
  let sizes: Sizes<keyof typeof scripts>;

  before('build', async () => {
    sizes = await weigh(scripts);
    const {plain, tab, worker} = sizes.scripts;
    const rows: [string, Size][] = [
      ["ShareDB's client alone", plain], ['a tab', tab], ['a tab, on demand', sizes.onDemand], ['the worker', worker]
    ];
    for (const [what, {minified, brotli}] of rows) console.log(`      ${what}: ${brotli} bytes (${minified} before compression)`);
  });

  it(`is at most ${MAX_ADDED} bytes more than ShareDB's client`, () => {
    expect(sizes.scripts.tab.brotli - sizes.scripts.plain.brotli).to.be.at.most(MAX_ADDED);
  });

  it('does not have the host in it, which comes on demand', () => {
    expect(sizes.scripts.tab.brotli).to.be.below(sizes.scripts.worker.brotli);
    expect(sizes.onDemand.brotli).to.be.above(10_000);
  });
});
