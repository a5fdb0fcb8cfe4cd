import {expect} from 'chai';
import {brotliCompressSync} from 'node:zlib';
import {browserThreadText} from '../../lib/tasks/thread-text.js';
import {type Size, type Sizes, weigh} from './bundles.js';

/**
 * What the library may add to ShareDB's own client in what a tab loads, in bytes, compressed: what it is, rounded up
 * to the next half KB. The goal is 8 KB. What is left is there before the first document, or has to listen for what
 * may go wrong. In KB, by the share of the minified bytes:
 * - 4.8, the connection that mirrors the host's: linked and proxy connection, promises, logs, dead letters
 * - 3.9, the ways to a host and how they are tried again, the page's life, orphaned ops, options
 * - 4.0, documents and presence over two hops
 * - 3.1, the broker: link, session, greetings, watchdog, and the checks of what comes from a channel
 * - 0.7, platform
 * - 0.4, json0's transform and compose by key
 * - 0.9, webpack's code for loading on demand, which an app that loads anything on demand has anyway
 * These shares are of 16.7 KB. Since then 3 KB have come: what is to be done in trouble (sign-out, missing types, refused and revoked
 * documents, denied locks and channels, retries), local documents and fast json0. Most of it could be loaded on demand.
 * Half a KB more tells of each document whether its edits are saved, which has to listen from the first edit on.
 * Another half goes back to sharing from a direct connection, ends calls at `close()`, and asks again in trouble. Another keeps
 * json0's replacements without `od` as the server has them. Another carries the marks by which tabs of a browser undo each other's
 * ops, keeps edits of a lost shared host from a direct connection, and carries others on with a host that lacks the history. A quarter
 * tells of ops that were lost with a host that could not write, and is left for compression, which varies by 50 bytes with the order of code.
 * 128 bytes are for ops that another database has no place for, and for the connection's parts in files of their own.
 * 64 are for edits that their type can't transform: without them, a tab would go on with other content than the server.
 * 64 are for ops on a destroyed document: the server gets them, as in ShareDB, or the app is told that another document has the name.
 * 320 are for texts into which several tabs type at once: their ops are transformed without copies through JSON, 40 times as fast.
 * 64 are for the value of another tab with the same presence id, when this tab has withdrawn its own.
 * About 0.6 would go with `#private` members in place of `private` ones, whose names minifiers can't shorten; but who wraps a
 * document or a connection in a `Proxy`, as Vue and MobX do, could not use it any more.
 */
const MAX_ADDED = 22.75 * 1024 + 128 + 64 + 64 + 320 + 64;

/** For mistakes that name themselves: unknown options, closed connections, workers that serve nobody or are not returned, codes of warnings. */
const FOR_MISTAKES = 2.125 * 1024;

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

/**
 * What `sharedb-tabs/remote` may weigh in bytes, compressed: what it is, rounded up. The goal is 5 KB for calls alone. lib/README.md says what each
 * part weighs, and why streams, iterables and evaluation are in it.
 */
const MAX_REMOTE = 15.375 * 1024;

describe('what sharedb-tabs/remote weighs', function () {
  this.timeout(300_000);

  it(`is at most ${MAX_REMOTE} bytes`, async () => {
    const {scripts: {remote}} = await weigh({remote: `
      import {wrap} from 'sharedb-tabs/remote';
      globalThis.remote = wrap(new Worker('/worker.js'));
    `});
    console.log(`      sharedb-tabs/remote: ${remote.brotli} bytes (${remote.minified} before compression)`);
    expect(remote.brotli).to.be.at.most(MAX_REMOTE);
  });
});

/**
 * What `sharedb-tabs/tasks` may weigh in bytes, compressed. A page loads the pool's face; what starts threads, and what parses functions, comes
 * with the first task. The goals are 4.5, 1.2 and 2.2 KB. The pool and the thread meet theirs. Concurrency misses its goal by 0.2 KB: bench/README.md says what
 * each part of it weighs.
 */
const MAX_TASKS = {pool: 4 * 1024, concurrency: 1.4 * 1024, thread: 2.2 * 1024};

describe('what sharedb-tabs/tasks weighs', function () {
  this.timeout(300_000);

  it('is at most what its limits say', async () => {
    const pool = await weigh({
      // Webpack's code for loading on demand, which an app that loads anything so has anyway.
      loading: `globalThis.load = () => import('fast-deep-equal');`,
      pool: `
        import {Deferred, WorkerPool} from 'sharedb-tabs/tasks';
        globalThis.tasks = [Deferred, WorkerPool];
      `
    });
    const {scripts: {concurrency}} = await weigh({concurrency: `
      import {concurrent, pipeline, race, timeout} from 'sharedb-tabs/tasks';
      globalThis.tasks = [concurrent, pipeline, race, timeout];
    `});
    const sizes = {pool: pool.scripts.pool.brotli - pool.scripts.loading.brotli, concurrency: concurrency.brotli, thread: brotliCompressSync(browserThreadText).length};
    console.log(`      sharedb-tabs/tasks: ${JSON.stringify(sizes)}, on demand ${JSON.stringify(pool.onDemand)}`);
    for (const [what, bytes] of Object.entries(sizes)) expect(bytes, what).to.be.at.most(MAX_TASKS[what as keyof typeof sizes]);
  });
});

/**
 * What `sharedb-tabs/collections` may add in bytes, compressed, to a tab's first load: what it is, rounded up. The goal is 6 KB. An app gets
 * what it imports: a map alone has no transactions, which its `update()` loads on demand. That costs an app with everything 0.4 KB,
 * because webpack does not join modules that are also loaded on demand with others. In KB, by the share of the minified bytes:
 * - 2.9, documents and their life, keys, values, limits
 * - 1.4, changes and their folding, which begin with the call of `watch` and so can't come later
 * - 1.6, maps and records
 * - 0.7, arrays
 * - 2.7, queues of one and of several devices
 * - 4.0, transactions: their function runs within the call, and a nested one joins it, so they can't come later either
 * The checks of options are 0.3 KB of a map and 0.5 of all. They are needed in the call, so they can't come later.
 * Up to 0.8 KB more came with corrections: limits that count all writes of a transaction, the end of waiting calls when a queue or the
 * connection ends, the wait of `flush()` for transactions, read transactions inside others (0.2 KB of it: documents of one moment in read
 * transactions, and the changes of others apart from the tab's own).
 * Each limit has 0.07 KB or more of room: with another order of code in the tab, the compressed sizes vary by 100 bytes.
 */
const MAX_COLLECTIONS = {map: 6.5 * 1024, plain: 7.75 * 1024, transactions: 11.5 * 1024, all: 15 * 1024};

describe('what sharedb-tabs/collections adds to a tab', function () {
  this.timeout(300_000);

  it('is at most what its limits say, by what the app imports', async () => {
    const importing = (names: string): string => `${scripts.tab}import {${names}} from 'sharedb-tabs/collections';\nglobalThis.collections = [${names}];\n`;
    const {scripts: {tab, ...sizes}} = await weigh({
      tab: scripts.tab,
      map: importing('SharedMap'),
      plain: importing('SharedMap, SharedArray, SharedRecord'),
      transactions: importing('SharedMap, SharedArray, SharedRecord, transaction'),
      all: importing('SharedMap, SharedArray, SharedRecord, SharedQueue, transaction, readTransaction, isInTransaction, getTransactionId')
    });
    const added = Object.entries(sizes).map(([what, {brotli}]) => [what, brotli - tab.brotli] as const);
    console.log(`      sharedb-tabs/collections beside a tab: ${JSON.stringify(Object.fromEntries(added))}`);
    for (const [what, bytes] of added) expect(bytes, what).to.be.at.most(MAX_COLLECTIONS[what as keyof typeof MAX_COLLECTIONS]);
  });
});

describe('what a tab loads', function () {
  this.timeout(300_000);
  let sizes: Sizes<keyof typeof scripts>;

  before('build', async () => {
    sizes = await weigh(scripts);
    const {plain, tab, worker} = sizes.scripts;
    const rows: [string, Size][] = [
      ["ShareDB's client alone", plain], ['a tab', tab], ['a tab, on demand', sizes.onDemand], ['the worker', worker]
    ];
    for (const [what, {minified, brotli}] of rows) console.log(`      ${what}: ${brotli} bytes (${minified} before compression)`);
    console.log(`      a tab beside ShareDB's client: ${tab.brotli - plain.brotli} bytes`);
  });

  it(`is at most ${MAX_ADDED + FOR_MISTAKES} bytes more than ShareDB's client`, () => {
    expect(sizes.scripts.tab.brotli - sizes.scripts.plain.brotli).to.be.at.most(MAX_ADDED + FOR_MISTAKES);
  });

  it('does not have the host in it, which comes on demand', () => {
    expect(sizes.scripts.tab.brotli).to.be.below(sizes.scripts.worker.brotli);
    expect(sizes.onDemand.brotli).to.be.above(10_000);
  });
});
