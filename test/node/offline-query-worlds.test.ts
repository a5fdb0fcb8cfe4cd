import {expect} from 'chai';
import Backend from 'sharedb';
import richText from 'rich-text';
import {logger, types, Connection} from 'sharedb/lib/client/index.js';
import {Host, InMemoryStorage} from '../../lib/host.js';
import {ProxyConnection, type ProxyQuery} from '../../lib/index.js';
import type {OfflineQueries} from '../../lib/host.js';
import {mongoQueries} from '../../lib/mongo-queries.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {Random} from '../support/random.js';
import {quiet} from '../waiting/quiet.js';
import {until} from '../waiting/until.js';
import {MongoLikeDb, matcher} from './mongo-like-db.js';

types.register(richText.type as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** Half of them for each matcher. */
const WORLDS = Number(process.env['WORLDS'] ?? 50);
const {SEED} = process.env;

/**
 * Two tabs write without a server. Then the server is back, accepts the edits, and answers the same queries. In some worlds it refuses
 * some of the new documents. Then the same happens once more, with an outage that the queries have seen before.
 */
describe(`the results of queries without a server, in ${WORLDS} random worlds`, function () {
  this.timeout(15 * 60_000);

  for (const [name, makeMatcher] of Object.entries({'mongoQueries()': mongoQueries, "the app's matcher": () => matcher})) {
    it(`are the server's own with ${name}, once it has the edits`, async () => {
      const [first, count] = SEED === undefined ? [1, Math.ceil(WORLDS / 2)] : [Number(SEED), 1];
      for (let seed = first; seed < first + count; seed++) {
        await live(new Random(seed), makeMatcher()).catch((error: Error) => {
          throw new Error(`replay with: SEED=${seed} npx mocha test/node/offline-query-worlds.test.ts -g '${name}'\n${error.message}`, {cause: error});
        });
      }
    });
  }
});

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const IDS_ELSEWHERE = ['h', 'i', 'j'];

/** Documents without the fields of the conditions. */
const OTHER_TYPES: [unknown, string][] = [[[{insert: 'x'}], 'rich-text'], ['x', types.defaultType!.uri!], [[1, 2], types.defaultType!.uri!]];

const value = (random: Random): unknown => random.pick([0, 1, 2, 3, 'x', 'y', undefined]);
const fields = (random: Random): object => JSON.parse(JSON.stringify({n: value(random), s: value(random)})) as object;

function condition(random: Random): object {
  const field = random.pick(['n', 's']);
  return random.pick<() => object>([
    () => ({}),
    () => ({[field]: random.pick([1, 2, 'x'])}),
    () => ({[field]: {$gt: random.below(3)}}),
    () => ({[field]: {$in: [0, 2, 'y']}}),
    () => ({[field]: {$exists: random.pick([true, false])}}),
    () => ({$or: [condition(random), {s: 'x'}]})
  ])();
}

function makeQuery(random: Random): object {
  return {
    ...condition(random),
    ...(random.below(3) && {$sort: {[random.pick(['n', 's'])]: random.pick([1, -1])}}),
    ...(!random.below(3) && {$skip: random.below(3)}),
    ...(!random.below(3) && {$limit: 1 + random.below(3)}),
    ...(!random.below(5) && {$count: true})
  };
}

/** Whether the answer to the query consists of all documents that match. */
const knowsAll = (query: object): boolean => !['$skip', '$limit', '$count'].some(key => key in query);

/** Whether documents that are not in the answer to the query affect it. */
const isBlind = (query: object): boolean => ['$skip', '$count'].some(key => key in query);

/** Whether an answer with this many documents may leave out others that match. If a document leaves the results, one of them takes its place. */
const isFull = (query: {$limit?: number}, documents: number): boolean => documents === query.$limit;

/** The results that an app computes from the first results and the query's events. */
function follow(query: ProxyQuery): () => string[] {
  const ids = (docs: readonly {id: string}[]): string[] => docs.map(({id}) => id);
  const known = ids(query.results!);
  const emitter = query as unknown as {on(event: string, listener: (docs: {id: string}[], index: number, to: number) => void): void};
  emitter.on('insert', (docs, index) => known.splice(index, 0, ...ids(docs)));
  emitter.on('remove', (docs, index) => known.splice(index, docs.length));
  emitter.on('move', (docs, from, to) => known.splice(to, 0, ...known.splice(from, docs.length)));
  return () => known;
}

/** Creates and deletes documents that the tabs do not use. If two clients created the same document, one of them would be refused. */
async function editElsewhere(client: Connection, random: Random): Promise<void> {
  const doc = client.get('notes', random.pick([...IDS, ...IDS_ELSEWHERE]));
  const isOwn = IDS_ELSEWHERE.includes(doc.id);
  await new Promise<void>((resolve, reject) => {
    const done = (error?: unknown): void => { if (error) reject(error as Error); else resolve(); };
    doc.fetch(error => {
      if (error) return done(error);
      if (!doc.type) return isOwn ? doc.create(fields(random), done) : done();
      if (doc.type.uri !== types.defaultType!.uri) return done();
      if (isOwn && !random.below(3)) return doc.del({}, done);
      return doc.submitOp([{p: [], od: doc.data as object, oi: fields(random)}], undefined, done);
    });
  });
}

async function live(random: Random, queriesOfHost: OfflineQueries): Promise<void> {
  const backend = new Backend({db: new MongoLikeDb() as never});
  const channel = memoryChannels();
  let real = new Connection({readyState: 3, close() {}, send() {}} as never);
  backend.connect(real);
  const storage = new InMemoryStorage();
  const startHost = (): Host => new Host({connection: real, channel, store: {storage}, queries: queriesOfHost, warn: () => {}});
  let host = startHost();
  const tabs = [new ProxyConnection({channel}), new ProxyConnection({channel})];
  const client = backend.connect();
  const refuses = !random.below(4);
  let isRefusing = false;
  backend.use('submit', ({op}, next) => next(isRefusing && 'create' in op && random.below(2) ? new Error('Refused') : undefined));
  try {
    const edit = (): void => {
      const doc = random.pick(tabs).get('notes', random.pick(IDS));
      if (!doc.type && !random.below(4)) void doc.create(...random.pick(OTHER_TYPES)).catch(() => {});
      else if (!doc.type) void doc.create(fields(random)).catch(() => {});
      else if (!random.below(4) || doc.type.uri !== types.defaultType!.uri || typeof doc.data !== 'object') void doc.del().catch(() => {});
      else void doc.submitOp([{p: [], od: doc.data as object, oi: fields(random)}]).catch(() => {});
    };
    const settle = (): Promise<void> => until('all is saved', () => !tabs.some(tab => tab.hasWritePending()));
    for (const tab of tabs) for (const id of IDS) void tab.get('notes', id).subscribe();
    for (let i = 0; i < 6; i++) edit();
    await settle();
    const hasOthers = !random.below(3);
    if (hasOthers) for (let i = 0; i < 2; i++) await editElsewhere(client, random);
    const before = Array.from({length: 2}, () => makeQuery(random));
    const queries: [object, ProxyQuery][] = before.map(query => [query, random.pick(tabs).createSubscribeQuery('notes', query)]);
    for (const [, query] of queries) await query.whenReady();
    if (random.below(4)) real.close();
    else {
      // In some worlds the tabs get another host, which has never had a server.
      host.close();
      await host.whenClosed;
      real = new Connection({readyState: 3, close() {}, send() {}} as never);
      host = startHost();
    }
    await until('the tabs know', () => tabs.every(({state, hostState}) => hostState === 'connected' && state !== 'connected'));
    for (let i = 0; i < 2; i++) {
      const query = makeQuery(random);
      queries.push([query, random.pick(tabs).createSubscribeQuery('notes', query)]);
    }
    for (let i = 0; i < 8; i++) {
      edit();
      if (!random.below(3)) await new Promise(setImmediate);
    }
    await until('all has been answered', () => queries.every(([, {isLocal, ready}]) => isLocal && ready));
    await until('the host has all', () => !tabs.some(tab => tab.hasUnsentOps));
    await tabs[0]!.flushWrites();
    await tabs[1]!.flushWrites();
    const followed = queries.map(([, query]) => follow(query));
    const results = ({results, extra}: {results: {id: string}[]; extra?: unknown}): unknown => [results.map(({id}) => id), extra];
    const local = queries.map(([, query]) => results(query));
    const fetched: unknown[] = [];
    for (const [query] of queries) {
      const asked = random.pick(tabs).createFetchQuery('notes', query);
      await asked.whenReady();
      fetched.push(results(asked));
    }
    const othersEdit = async (): Promise<void> => { for (let i = 0; i < 3; i++) await editElsewhere(client, random); };
    const askServer = async (): Promise<unknown[]> => {
      const answers: unknown[] = [];
      for (const [query] of queries) {
        answers.push(await new Promise((resolve, reject) => {
          const answered = (error: Error | null, found: {id: string}[], extra?: unknown): void => {
            if (error) reject(error);
            else resolve(results({results: found, extra}));
          };
          client.createFetchQuery('notes', query, null, answered as never);
        }));
      }
      return answers;
    };
    // The tabs can't know what others do meanwhile: the results are guesses, and the server's answer arrives as a diff.
    const othersWait = hasOthers && random.below(2) > 0;
    if (hasOthers && !othersWait) await othersEdit();
    isRefusing = refuses;
    backend.connect(real);
    await settle();
    isRefusing = false;
    let server = await askServer();
    const asked = JSON.stringify(queries.map(([query]) => query));
    if (!hasOthers && !refuses) {
      expect(local, asked).to.eql(server);
      expect(fetched, asked).to.eql(server);
    }
    if (othersWait) {
      // Documents of others are known if a query had all that match, before the server was gone.
      for (const [i, query] of before.entries()) if (knowsAll(query) && !refuses) expect([local[i], fetched[i]], asked).to.eql([server[i], server[i]]);
      await othersEdit();
      server = await askServer();
    }
    const tabsHaveAnswers = (): Promise<void> => until('the tabs have the answers', () => (
      queries.every(([, query], i) => !query.isLocal && JSON.stringify(results(query)) === JSON.stringify(server[i]))
    ));
    const expectFollowed = (): void => {
      expect(followed.map(ids => ids()), asked).to.eql(queries.map(([, query]) => query.results!.map(({id}) => id)));
    };
    await tabsHaveAnswers();
    expectFollowed();
    await quiet(real);
    const full = queries.map(([query, {results}]) => isFull(query, results!.length));
    real.close();
    await until('the results are guesses', () => queries.every(([, {isLocal}]) => isLocal));
    for (let i = random.below(6); i > 0; i--) edit();
    await until('the host has all', () => !tabs.some(tab => tab.hasUnsentOps));
    for (const tab of tabs) await tab.flushWrites();
    const again = queries.map(([, query]) => results(query));
    expectFollowed();
    // The server may go again before it has answered all.
    for (let i = random.below(3); i > 0; i--) {
      backend.connect(real);
      for (let turns = random.below(20); turns > 0; turns--) await new Promise(setImmediate);
      real.close();
    }
    backend.connect(real);
    await settle();
    server = await askServer();
    // The tabs know nothing of others' documents that are only counted or skipped, or are left out of an answer.
    for (const [i, [query]] of queries.entries()) if (!hasOthers || !isBlind(query) && !full[i]) expect(again[i], `${asked} again: ${i}`).to.eql(server[i]);
    await tabsHaveAnswers();
    expectFollowed();
  } finally {
    for (const tab of tabs) tab.close();
    host.close();
    backend.close();
  }
}
