import {expect} from 'chai';
import Backend from 'sharedb';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {logger, types, type Connection} from 'sharedb/lib/client/index.js';
import '../simulator/edits.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type DeadLetter, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {Change} from '../../lib/store/storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** A type without `invert` and `compose`: a refused op takes the ops made on it with it. */
types.register({
  name: 'lines',
  uri: 'https://example.org/types/lines',
  create: (data: unknown) => data,
  apply: (lines: string[], {at, line}: Line) => [...lines.slice(0, at), line, ...lines.slice(at)],
  transform: ({at, line}: Line, other: Line, side: string) => ({at: other.at < at || (other.at === at && side === 'right') ? at + 1 : at, line})
} as never);

interface Line {
  at: number;
  line: string;
}

const JSON0 = types.map['json0']!.uri!;

/** Each edit contains a word by which the server refuses it. */
interface Kind {
  type: string;
  start: unknown;
  /** The refused edit: inserts the word `mine` in the middle. */
  mine: unknown;
  /** The edits that others make meanwhile, before and behind it. */
  others: unknown[];
  /** The expected final state. */
  end: unknown;
  /** The state if the edit is made again unchanged. */
  wrong: unknown;
}

const kinds: Kind[] = [
  {
    type: 'json0', start: ['a', 'b'], mine: [{p: [1], li: 'mine'}],
    others: [[{p: [0], li: 'one'}], [{p: [1], li: 'two'}], [{p: [4], li: 'three'}]],
    end: ['one', 'two', 'a', 'mine', 'b', 'three'], wrong: ['one', 'mine', 'two', 'a', 'b', 'three']
  },
  {
    type: 'text-unicode', start: 'ab', mine: [1, 'mine'], others: [['one '], [4, 'two '], [10, ' three']],
    end: 'one two amineb three', wrong: 'ominene two ab three'
  },
  {
    type: 'rich-text', start: [{insert: 'ab\n'}], mine: {ops: [{retain: 1}, {insert: 'mine'}]},
    others: [{ops: [{insert: 'one '}]}, {ops: [{retain: 4}, {insert: 'two '}]}, {ops: [{retain: 10}, {insert: ' three'}]}],
    end: {ops: [{insert: 'one two amineb three\n'}]}, wrong: {ops: [{insert: 'ominene two ab three\n'}]}
  }
];

/** A disk whose state can be saved and restored, as after a crash. */
class KeptStorage extends InMemoryStorage {
  isFull = false;

  save(): string {
    return JSON.stringify(this.content.save());
  }

  restore(saved: string): void {
    for (const [name, value] of (JSON.parse(saved) as {meta: [string, string][]}).meta) {
      if (this.content.meta.get(name) !== value) this.content.make({type: 'meta', name, value});
    }
  }

  put(name: string, value: string): void {
    this.content.make({type: 'meta', name, value});
  }

  override async write(changes: readonly Change[], epoch: string): Promise<void> {
    if (this.isFull) return;
    await super.write(changes, epoch);
  }
}

class RefusingServerStage {
  readonly db: any = new BasicQueryableMemoryDB();
  readonly backend = new Backend({db: this.db});
  readonly storage = new KeptStorage();
  /** The server refuses ops that contain one of these words. */
  refused: string[] = [];
  /** The error of a refusal. */
  code = 'ERR_FORBIDDEN';
  /** Ops on their way to the database, while they are held back. */
  private held: (() => void)[] | undefined;
  /** Ops with `mine` are committed, and refused afterwards. */
  refusesAfterwards = false;
  channel = memoryChannels();
  real!: Connection;
  host!: Host;
  tabs: ProxyConnection[] = [];

  constructor() {
    this.backend.use('submit', ({op}: {op: unknown}, next: (error?: Error) => void) => {
      const text = JSON.stringify(op);
      const error = this.refused.some(word => text.includes(word)) ? Object.assign(new Error('No'), {code: this.code}) : undefined;
      if (!this.held) return next(error);
      this.held.push(() => next(error));
      return undefined;
    });
    this.backend.use('afterWrite' as never, (({op}: {op: unknown}, next: (error?: Error) => void) => {
      next(this.refusesAfterwards && JSON.stringify(op).includes('mine') ? Object.assign(new Error('No'), {code: 'ERR_FORBIDDEN'}) : undefined);
    }) as never);
    this.start();
  }

  start(store = true): void {
    this.channel = memoryChannels();
    this.real = this.backend.connect() as unknown as Connection;
    this.host = new Host({connection: this.real as never, channel: this.channel, store: store && {storage: this.storage}, warn: () => {}});
  }

  /** From here on, nothing that the host writes reaches the disk. */
  crash(): void {
    this.storage.isFull = true;
    for (const tab of this.tabs.splice(0)) tab.close();
    this.host.abandon();
    this.real.close();
    this.storage.isFull = false;
  }

  tab(): ProxyConnection {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    this.tabs.push(tab);
    return tab;
  }

  async connectedTab(): Promise<ProxyConnection> {
    const tab = this.tab();
    await until('the tab is connected', () => tab.state === 'connected');
    return tab;
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    const {held = []} = this;
    this.held = undefined;
    for (const act of held) act();
  }

  get holds(): number {
    return this.held?.length ?? 0;
  }

  async remote(id = 'a'): Promise<any> {
    const doc = this.backend.connect().get('notes', id);
    await settled(done => doc.fetch(done));
    return doc;
  }

  async create(type: string, data: unknown, id = 'a'): Promise<void> {
    const doc = await this.remote(id);
    await settled(done => doc.create(data, types.map[type]!.uri, done));
  }

  async edit(op: unknown, id = 'a'): Promise<void> {
    const doc = await this.remote(id);
    await settled(done => doc.submitOp(op, done));
  }

  /** The server's data of the document. */
  async data(id = 'a'): Promise<any> {
    const {data} = await this.remote(id);
    return JSON.parse(JSON.stringify(data ?? null));
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.host.close();
  }
}

const outcomeOf = (completion: PromiseLike<unknown>): Promise<string | undefined> =>
  Promise.resolve(completion.then(() => undefined, (error: {code?: string; message: string}) => error.code ?? error.message));

describe('dead letters', () => {
  let stage: RefusingServerStage;
  beforeEach(() => { stage = new RefusingServerStage(); });
  afterEach(() => stage.close());

  /** The tab's edit is refused, others edit, and then the server would accept the edit. */
  async function refusedEdit({type, start, mine, others}: Kind): Promise<{tab: ProxyConnection; doc: ProxyDoc; letter: DeadLetter}> {
    await stage.create(type, start);
    const tab = stage.tab();
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    stage.refused = ['mine'];
    expect(await outcomeOf(doc.submitOp(mine))).to.equal('ERR_FORBIDDEN');
    for (const op of others) await stage.edit(op);
    stage.refused = [];
    const [letter] = await tab.deadLetters.list();
    return {tab, doc, letter: letter!};
  }

  for (const kind of kinds) {
    describe(`of ${kind.type}`, () => {
      it('is applied at its place, with the later edits of others', async () => {
        const {tab, doc, letter} = await refusedEdit(kind);
        expect(letter.v).to.equal(1);
        await tab.deadLetters.retry(letter.id);
        expect(await stage.data()).to.eql(kind.end).and.not.to.eql(kind.wrong);
        await until('the tab shows it', () => JSON.stringify(doc.data) === JSON.stringify(kind.end));
        expect(await tab.deadLetters.list()).to.eql([]);
        await until('its status says so', () => tab.status.deadLetters === 0);
      });

      it('is applied by a host that has never loaded the document, which nobody has open', async () => {
        const {tab} = await refusedEdit(kind);
        await tab.flushWrites();
        stage.crash();
        stage.start();
        const later = await stage.connectedTab();
        await later.deadLetters.retry((await later.deadLetters.list())[0]!.id);
        expect(await stage.data()).to.eql(kind.end);
      });

      it('is applied with unsent edits of another tab', async () => {
        const [first, ...rest] = kind.others;
        const {tab, letter} = await refusedEdit({...kind, others: [first]});
        const other = stage.tab().get('notes', 'a');
        await other.subscribe();
        stage.hold();
        const edits = rest.map(op => outcomeOf(other.submitOp(op)));
        await until('they are under way', () => stage.holds > 0);
        const retry = outcomeOf(tab.deadLetters.retry(letter.id));
        await until('the tabs show it', () => JSON.stringify(other.data) === JSON.stringify(kind.end));
        stage.release();
        expect(await Promise.all([...edits, retry])).to.eql([undefined, undefined, undefined]);
        expect(await stage.data()).to.eql(kind.end);
      });

      it('is applied once, though several tabs retry it at once, and again', async () => {
        const {tab, letter} = await refusedEdit(kind);
        const other = await stage.connectedTab();
        await Promise.all([tab.deadLetters.retry(letter.id), tab.deadLetters.retry(letter.id), other.deadLetters.retry(letter.id)]);
        await other.deadLetters.retry(letter.id);
        expect(await stage.data()).to.eql(kind.end);
      });

      it('is applied once, though the host dies when the server has it, and the letter is still stored', async () => {
        const {tab, letter} = await refusedEdit(kind);
        await tab.flushWrites();
        const saved = stage.storage.save();
        await tab.deadLetters.retry(letter.id);
        stage.crash();
        stage.storage.restore(saved);
        await stage.edit(kind.others[0]);
        const before = await stage.data();
        stage.start();
        const later = await stage.connectedTab();
        expect((await later.deadLetters.list()).map(({id}) => id)).to.eql([letter.id]);
        await later.deadLetters.retry(letter.id);
        expect(await later.deadLetters.list()).to.eql([]);
        expect(await stage.data()).to.eql(before);
      });

      it('is removed, though the host dies while the op is in flight', async () => {
        const {tab, letter} = await refusedEdit(kind);
        stage.hold();
        const retry = outcomeOf(tab.deadLetters.retry(letter.id));
        await until('it is under way', () => stage.holds > 0);
        await tab.flushWrites();
        stage.crash();
        await retry;
        stage.release();
        stage.start();
        const later = await stage.connectedTab();
        await until('the letter is gone', async () => !(await later.deadLetters.list()).length);
        expect(await stage.data()).to.eql(kind.end);
      });

      it('is not applied again, if the server refused it after it had committed it', async () => {
        stage.refusesAfterwards = true;
        await stage.create(kind.type, kind.start);
        const tab = stage.tab();
        const doc = tab.get('notes', 'a');
        await doc.subscribe();
        expect(await outcomeOf(doc.submitOp(kind.mine))).to.equal('ERR_FORBIDDEN');
        const before = await stage.data();
        await tab.deadLetters.retry((await tab.deadLetters.list())[0]!.id);
        expect(await stage.data()).to.eql(before);
        expect(await tab.deadLetters.list()).to.eql([]);
      });
    });
  }

  it('stays the same letter when it is refused again, and is based on the state at which it was refused', async () => {
    const [kind] = kinds as [Kind];
    const {tab, letter} = await refusedEdit(kind);
    const heard: DeadLetter[] = [];
    tab.on('deadletter', one => heard.push(one));
    for (const code of ['ERR_FORBIDDEN', 'ERR_OP_SUBMIT_REJECTED']) {
      stage.refused = ['mine'];
      stage.code = code;
      expect(await outcomeOf(tab.deadLetters.retry(letter.id))).to.equal(code);
      const [again, ...rest] = await tab.deadLetters.list();
      expect([again!.id, again!.v, again!.error.code, rest, heard]).to.eql([letter.id, 4, code, [], []]);
    }
    stage.refused = [];
    await stage.edit([{p: [0], li: 'four'}]);
    await tab.deadLetters.retry(letter.id);
    expect(await stage.data()).to.eql(['four', ...kind.end as string[]]);
  });

  it('are all kept, those of one document together, over restarts', async () => {
    await stage.create('json0', [], 'a');
    await stage.create('json0', [], 'b');
    const tab = stage.tab();
    const docs = ['a', 'b'].map(id => tab.get('notes', id));
    for (const doc of docs) await doc.subscribe();
    stage.refused = ['mine'];
    for (let i = 0; i < 150; i++) for (const doc of docs) await outcomeOf(doc.submitOp([{p: [0], li: `mine ${i}`}]));
    const wanted = ['a', 'b'].flatMap(id => Array.from({length: 150}, (_, i) => `${id} mine ${i}`));
    const listed = async (connection: ProxyConnection): Promise<string[]> =>
      (await connection.deadLetters.list()).map(({doc, step}) => `${doc} ${(step.op as {li: string}[])[0]!.li}`);
    expect(await listed(tab)).to.eql(wanted);
    await tab.flushWrites();
    stage.crash();
    stage.start();
    expect((await listed(await stage.connectedTab())).sort()).to.eql(wanted.sort());
  });

  describe('of ops that were made on each other, and lost together', () => {
    /** Two edits of one document are lost. Its type can't undo the first one alone. */
    async function lostTogether(): Promise<{tab: ProxyConnection; letters: DeadLetter[]}> {
      await stage.create('lines', ['a', 'b']);
      const tab = stage.tab();
      const doc = tab.get('notes', 'a');
      await doc.subscribe();
      stage.hold();
      stage.refused = ['mine'];
      const edits = [{at: 1, line: 'mine'}, {at: 2, line: 'and this'}, {at: 3, line: 'and that'}].map(op => outcomeOf(doc.submitOp(op)));
      await until('the host has them', () => tab.status.pendingOps === 3);
      stage.release();
      expect(await Promise.all(edits)).to.eql(['ERR_FORBIDDEN', 'ERR_FORBIDDEN', 'ERR_FORBIDDEN']);
      stage.refused = [];
      await stage.edit({at: 0, line: 'one'});
      const letters = await tab.deadLetters.list();
      expect(letters.map(({after}) => after)).to.eql([undefined, undefined, letters[1]!.id]);
      return {tab, letters};
    }

    it('are applied at their places, retried in order, with edits of others between', async () => {
      const {tab, letters} = await lostTogether();
      for (const [i, {id}] of letters.entries()) {
        await tab.deadLetters.retry(id);
        await stage.edit({at: 0, line: `${i}`});
      }
      expect(await stage.data()).to.eql(['2', '1', '0', 'one', 'a', 'mine', 'and this', 'and that', 'b']);
    });

    it('are applied there, all retried at once', async () => {
      const {tab, letters} = await lostTogether();
      await Promise.all(letters.map(({id}) => tab.deadLetters.retry(id)));
      expect(await stage.data()).to.eql(['one', 'a', 'mine', 'and this', 'and that', 'b']);
    });

    it('wait for the ops that they were made on', async () => {
      const {tab, letters} = await lostTogether();
      const error = await Promise.resolve(tab.deadLetters.retry(letters[2]!.id)).catch((reason: Error & {code: string}) => reason);
      expect(error).to.include({code: 'ERR_TABS_LETTER_BASE'}).and.property('message').to.contain('notes.a').and.to.contain('retry it before');
      await tab.deadLetters.discard(letters[0]!.id);
      expect(await outcomeOf(tab.deadLetters.retry(letters[1]!.id))).to.equal('ERR_TABS_LETTER_BASE');
      expect((await tab.deadLetters.list()).length).to.equal(2);
      expect(await stage.data()).to.eql(['one', 'a', 'b']);
    });
  });

  describe('refuse to be retried, and stay,', () => {
    const [kind] = kinds as [Kind];

    it('without a connection', async () => {
      const {tab, letter} = await refusedEdit(kind);
      stage.real.close();
      await until('the tab knows', () => tab.state === 'closed');
      expect(await outcomeOf(tab.deadLetters.retry(letter.id))).to.equal('ERR_TABS_OFFLINE');
      expect((await tab.deadLetters.list()).length).to.equal(1);
    });

    it('when the connection is lost before the server has answered', async () => {
      const {tab, letter} = await refusedEdit(kind);
      stage.hold();
      const retry = outcomeOf(tab.deadLetters.retry(letter.id));
      await until('it is under way', () => stage.holds > 0);
      stage.real.close();
      expect(await retry).to.equal('ERR_TABS_OFFLINE');
      expect((await tab.deadLetters.list()).length).to.equal(1);
      stage.release();
    });

    for (const how of ['is trimmed', 'has lost its last ops']) {
      it(`when the op log of the server ${how}`, async () => {
        const {tab, letter} = await refusedEdit(kind);
        await new Promise<void>(resolve => stage.db.deleteOps('notes', 'a', ...(how === 'is trimmed' ? [0, 3] : [2, 4]), null, () => resolve()));
        const before = await stage.data();
        expect(await outcomeOf(tab.deadLetters.retry(letter.id))).to.equal('ERR_TABS_LETTER_BASE');
        expect((await tab.deadLetters.list()).length).to.equal(1);
        expect(await stage.data()).to.eql(before);
        // The rest of the document is not affected.
        await tab.get('notes', 'a').submitOp([{p: [0], li: 'later'}]);
        expect((await stage.data())[0]).to.equal('later');
      });
    }

    it('when the document is of another type, deleted, or the database another one', async () => {
      const {tab, letter} = await refusedEdit(kind);
      const doc = await stage.remote();
      await settled(done => doc.del(done));
      expect(await outcomeOf(tab.deadLetters.retry(letter.id))).to.equal('ERR_DOC_WAS_DELETED');
      await settled(done => doc.create('text', types.map['text-unicode']!.uri, done));
      expect(await outcomeOf(tab.deadLetters.retry(letter.id))).to.equal('ERR_DOC_WAS_DELETED');
      expect((await tab.deadLetters.list()).length).to.equal(1);
      expect(await stage.data()).to.equal('text');
    });
  });

  describe('of an earlier version of this library', () => {
    function put(letter: Omit<DeadLetter, 'id' | 'time' | 'error' | 'collection' | 'doc'>, id: string): void {
      const kept = {id, collection: 'notes', doc: id, error: {code: 'ERR_FORBIDDEN', message: 'No'}, time: 1, ...letter};
      stage.storage.put(`kept: dead letter: ${id}`, JSON.stringify(kept));
    }

    it('are listed; creations and deletions can be retried, ops reject with a reason', async () => {
      await stage.create('json0', ['a'], 'op');
      await stage.create('json0', ['a'], 'del');
      const first = stage.tab();
      await first.get('notes', 'op').subscribe();
      await first.flushWrites();
      stage.crash();
      put({step: {op: [{p: [0], li: 'mine'}]}, type: JSON0}, 'op');
      put({step: {create: {type: 'json0', data: ['new']}}, type: null}, 'create');
      put({step: {del: true}, type: JSON0}, 'del');
      stage.start();
      const tab = await stage.connectedTab();
      expect((await tab.deadLetters.list()).map(({id}) => id).sort()).to.eql(['create', 'del', 'op']);
      expect(await outcomeOf(tab.deadLetters.retry('op'))).to.equal('ERR_TABS_LETTER_BASE');
      await tab.deadLetters.retry('create');
      await tab.deadLetters.retry('del');
      expect([await stage.data('create'), await stage.data('del'), await stage.data('op')]).to.eql([['new'], null, ['a']]);
      expect((await tab.deadLetters.list()).map(({id}) => id)).to.eql(['op']);
      await tab.deadLetters.discard('op');
      await tab.flushWrites();
      stage.crash();
      stage.start();
      expect(await (await stage.connectedTab()).deadLetters.list()).to.eql([]);
    });
  });
});
