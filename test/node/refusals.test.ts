import {expect} from 'chai';
import Backend from 'sharedb';
import {logger, types, type Connection} from 'sharedb/lib/client/index.js';
import '../simulator/edits.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {calm} from '../store/clock.js';
import {until} from '../waiting/until.js';

/** A type without `invert`: it can add a number and set everything. */
const tally = {
  name: 'tally',
  uri: 'https://example.org/types/tally',
  create: (data: unknown) => data,
  apply: (data: {sum: number}, op: {add?: number; set?: number}) => ({sum: op.set ?? data.sum + (op.add ?? 0)}),
  transform: (op: object) => op
};
types.register(tally as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

interface Refusal {
  type: string;
  start: unknown;
  /** The refused edits. They are made one after the other in the same turn, and composed if the type has `compose`. */
  refused: unknown[];
  /** The edit that another tab makes on it. */
  innocent: unknown;
  /** The expected final state. */
  end: unknown;
  /** The edit that a remote client makes before the server answers. */
  remote?: unknown;
}

const refusals: Record<string, Refusal> = {
  'json0: replaces without saying what': {
    type: 'json0', start: {title: 'old', list: [1, 2, 3]},
    refused: [[{p: ['title'], oi: 'new'}]], innocent: [{p: ['list', 0], li: 0}],
    end: {title: 'old', list: [0, 1, 2, 3]}
  },
  'json0: removes what is no longer there': {
    type: 'json0', start: {title: 'old', list: ['a', 'b', 'c']},
    refused: [[{p: ['list', 1], ld: 'stale'}]], innocent: [{p: ['list', 2], li: 'd'}],
    end: {title: 'old', list: ['a', 'b', 'c', 'd']}
  },
  'json0: takes a key away that is not there': {
    type: 'json0', start: {list: []},
    refused: [[{p: ['title'], od: 'stale'}]], innocent: [{p: ['list', 0], li: 'mine'}],
    end: {list: ['mine']}
  },
  'json0: replaces with a stale value': {
    type: 'json0', start: {title: {a: 1}, n: 0},
    refused: [[{p: ['title'], od: {a: 0}, oi: {a: 2}}]], innocent: [{p: ['n'], na: 1}],
    end: {title: {a: 1}, n: 1}
  },
  'json0: several edits composed into one': {
    type: 'json0', start: {title: 'old', list: ['a', 'b'], n: 1},
    refused: [[{p: ['list', 0], ld: 'x'}], [{p: ['title'], oi: 'new'}], [{p: ['list', 0], ld: 'y', li: 'z'}], [{p: ['n'], na: 2}]],
    innocent: [{p: ['n'], na: 10}],
    end: {title: 'old', list: ['a', 'b'], n: 11}
  },
  'json0: inserts behind the end of a list': {
    type: 'json0', start: {list: ['a']},
    refused: [[{p: ['list', 5], li: 'far'}]], innocent: [{p: ['list', 0], li: 'b'}],
    end: {list: ['b', 'a']}
  },
  'json0: removes fractions': {
    type: 'json0', start: {n: 0.1, list: []},
    refused: [[{p: ['n'], na: 0.2}]], innocent: [{p: ['list', 0], li: 'b'}],
    end: {n: 0.1, list: ['b']}
  },
  'json0: removes with a stale value while others change it': {
    type: 'json0', start: {list: [{a: 1}, {b: 1}]},
    refused: [[{p: ['list', 0], ld: 'stale'}]], innocent: [{p: ['list', 0, 'b'], od: 1, oi: 2}],
    remote: [{p: ['list', 0, 'a'], od: 1, oi: 2}],
    end: {list: [{a: 2}, {b: 2}]}
  },
  'json1: removes without the value': {
    type: 'json1', start: {title: 'old', list: ['a']},
    refused: [['title', {r: true}]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a']}
  },
  'json1: removes with a stale value': {
    type: 'json1', start: {title: 'old', list: ['a']},
    refused: [['title', {r: 'stale'}]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a']}
  },
  'json1: edits a text that it then removes, without saying which': {
    type: 'json1', start: {title: 'old', list: ['a']},
    refused: [['title', {es: [1, {d: 2}, 'X']}], ['title', {r: true}]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a']}
  },
  'json1: edits a text': {
    type: 'json1', start: {title: 'old', list: ['a']},
    refused: [['title', {es: [1, {d: 'xx'}, 'X']}]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a']}
  },
  'json1: replaces and removes, composed': {
    type: 'json1', start: {title: 'old', list: ['a']},
    refused: [['title', {r: true, i: 'new'}], ['title', {r: 'new'}]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a']}
  },
  'json1: moves': {
    type: 'json1', start: {title: 'old', list: ['a', 'b']},
    refused: [[['name', {d: 0}], ['title', {p: 0}]]], innocent: ['list', 0, {i: 'b'}],
    end: {title: 'old', list: ['b', 'a', 'b']}
  },
  'text-unicode: deletes a number of characters': {
    type: 'text-unicode', start: 'one 😀 three',
    refused: [[4, {d: 2}]], innocent: [9, '!'],
    end: 'one 😀 three!'
  },
  'text-unicode: deletes another text than there is': {
    type: 'text-unicode', start: 'one two three',
    refused: [[4, {d: 'xyz'}]], innocent: [10, '!'],
    end: 'one two three!'
  },
  'text-unicode: deletes what others write into': {
    type: 'text-unicode', start: 'one two three',
    refused: [[4, {d: 'two'}]], innocent: [10, '!'], remote: [5, 'XX'],
    end: 'one tXXwo three!'
  },
  'rich-text: deletes and formats': {
    type: 'rich-text', start: [{insert: 'one two\n'}],
    refused: [{ops: [{retain: 3, attributes: {bold: true}}, {delete: 4}]}], innocent: {ops: [{insert: 'zero '}]},
    end: {ops: [{insert: 'zero one two\n'}]}
  },
  'a type without invert: what does not depend on it stays': {
    type: 'tally', start: {sum: 1},
    refused: [{add: 5}], innocent: {add: 10},
    end: {sum: 11}
  }
};

describe('an op that the server refuses', () => {
  let stage: RefusingStage;

  afterEach(() => stage.close());

  for (const [name, refusal] of Object.entries(refusals)) {
    for (const code of ['ERR_FORBIDDEN', 'ERR_OP_SUBMIT_REJECTED']) {
      it(`leads all clients to the server's state (${code}): ${name}`, async () => {
        stage = new RefusingStage(code);
        await stage.create(refusal.type, refusal.start);
        const [author, other] = [stage.openTab(), stage.openTab()];
        for (const doc of [author, other]) await doc.subscribe();
        stage.hold();
        const refused = refusal.refused.map(op => outcomeOf(author.submitOp(op)));
        await until('it is under way', () => stage.waiting.length === 1);
        await until('the other tab has it', () => stage.isSame(author, other));
        if (refusal.remote) await stage.remote(refusal.remote);
        const innocent = outcomeOf(other.submitOp(refusal.innocent));
        await until('the first tab has what the other made', () => stage.isSame(author, other));
        stage.release();

        expect(await Promise.all(refused)).to.eql(refusal.refused.map(() => (code === 'ERR_FORBIDDEN' ? code : undefined)));
        expect(await innocent).to.equal(undefined);
        await stage.expectEverywhere(refusal.end, [author, other, stage.openTab()]);
        await stage.restart();
        await stage.expectEverywhere(refusal.end, [stage.openTab()]);
        expect(stage.warnings).to.eql([]);
      });
    }

    it(`leads its author, if alone, to the server's state: ${name}`, async () => {
      stage = new RefusingStage('ERR_FORBIDDEN');
      await stage.create(refusal.type, refusal.start);
      const author = stage.openTab();
      await author.subscribe();
      stage.hold();
      const refused = refusal.refused.map(op => outcomeOf(author.submitOp(op)));
      await until('it is under way', () => stage.waiting.length === 1);
      stage.release();
      expect(await Promise.all(refused)).to.eql(refusal.refused.map(() => 'ERR_FORBIDDEN'));
      await stage.expectEverywhere(await stage.server(), [author, stage.openTab()]);
    });
  }

  it('removes only the ops that depend on it, if its type has no inverse', async () => {
    stage = new RefusingStage('ERR_FORBIDDEN');
    await stage.create('tally', {sum: 1});
    const [author, other] = [stage.openTab(), stage.openTab()];
    for (const doc of [author, other]) await doc.subscribe();
    stage.hold();
    const refused = outcomeOf(author.submitOp({set: 5}));
    await until('the other tab has it', () => other.data.sum === 5);
    const dependent = outcomeOf(other.submitOp({add: 10}));
    await until('the first tab has it', () => author.data.sum === 15);
    stage.release();
    expect([await refused, await dependent]).to.eql(['ERR_FORBIDDEN', 'ERR_FORBIDDEN']);
    await stage.expectEverywhere({sum: 1}, [author, other]);
  });

  it('is undone at once, without a request to the server, if it contains the removed data', async () => {
    stage = new RefusingStage('ERR_FORBIDDEN');
    await stage.create('json0', {title: 'old'});
    const author = stage.openTab();
    await author.subscribe();
    let reads = 0;
    stage.backend.use('readSnapshots', (_context, next) => { reads++; next(); });
    stage.hold();
    const refused = outcomeOf(author.submitOp([{p: ['title'], od: 'old', oi: 'new'}]));
    await until('it is under way', () => stage.waiting.length === 1);
    stage.release();
    expect(await refused).to.equal('ERR_FORBIDDEN');
    expect([author.data, reads]).to.eql([{title: 'old'}, 0]);
  });
});

async function outcomeOf(completion: PromiseLike<unknown>): Promise<string | undefined> {
  return completion.then(() => undefined, (error: {code?: string; message: string}) => error.code ?? error.message);
}

/** A server that refuses the edits of the first tab, a host with a store, and tabs. */
class RefusingStage {
  readonly backend = new Backend();
  readonly warnings: unknown[] = [];
  waiting: (() => void)[] = [];
  private readonly storage = new InMemoryStorage();
  private readonly channel = memoryChannels();
  private readonly tabs: ProxyConnection[] = [];
  private real!: Connection;
  private host!: Host;
  private isHolding = false;
  private seen = 0;

  constructor(code: string) {
    this.backend.use('submit', ({agent}: {agent: object}, next: (error?: Error) => void) => {
      if (!this.isHolding || agent !== (this.real as unknown as {agent: object}).agent) return next();
      // The server refuses the first op that the host sends.
      const error = ++this.seen === 1 ? Object.assign(new Error('No'), {code}) : undefined;
      this.waiting.push(() => next(error));
      return undefined;
    });
    this.start();
  }

  private start(): void {
    this.real = this.backend.connect() as unknown as Connection;
    this.host = new Host({
      connection: this.real as never, channel: this.channel, store: {storage: this.storage}, warn: (...warning) => this.warnings.push(warning)
    });
  }

  hold(): void {
    this.isHolding = true;
  }

  release(): void {
    this.isHolding = false;
    for (const next of this.waiting.splice(0)) next();
  }

  async restart(): Promise<void> {
    for (const tab of this.tabs.splice(0)) tab.close();
    await calm();
    this.host.close();
    this.real.close();
    await calm();
    this.start();
  }

  openTab(): ProxyDoc {
    const connection = new ProxyConnection({channel: this.channel, warn: (...warning) => this.warnings.push(warning)});
    this.tabs.push(connection);
    return connection.get('things', 'one');
  }

  async create(type: string, data: unknown): Promise<void> {
    const doc = this.backend.connect().get('things', 'one');
    await new Promise<void>((resolve, reject) => doc.create(data as never, type, error => (error ? reject(error as unknown as Error) : resolve())));
  }

  async remote(op: unknown): Promise<void> {
    const doc = this.backend.connect().get('things', 'one');
    await new Promise<void>(resolve => doc.fetch(() => resolve()));
    await new Promise<void>((resolve, reject) => doc.submitOp(op as never, {}, error => (error ? reject(error as unknown as Error) : resolve())));
  }

  async server(): Promise<unknown> {
    const doc = this.backend.connect().get('things', 'one');
    await new Promise<void>(resolve => doc.fetch(() => resolve()));
    return plain(doc.data);
  }

  isSame(one: ProxyDoc, other: ProxyDoc): boolean {
    return JSON.stringify(one.data) === JSON.stringify(other.data);
  }

  async expectEverywhere(data: unknown, docs: readonly ProxyDoc[]): Promise<void> {
    for (const doc of docs) {
      if (doc.version === null) await doc.subscribe();
      await doc.whenNothingPending();
    }
    await calm();
    expect({server: await this.server(), tabs: docs.map(doc => plain(doc.data))}).to.eql({server: data, tabs: docs.map(() => data)});
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
    this.real.close();
  }
}

const plain = (data: unknown): unknown => (data === undefined ? undefined : JSON.parse(JSON.stringify(data)) as unknown);
