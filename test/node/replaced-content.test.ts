import {expect} from 'chai';
import Backend from 'sharedb';
import BasicQueryableMemoryDB from 'sharedb/test/BasicQueryableMemoryDB.js';
import {type as json1} from 'ot-json1';
import {type as text} from 'ot-text-unicode';
import richText from 'rich-text';
import {Connection, logger, types} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {losesContent} from '../../lib/ot/lost-content.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';

for (const type of [json1, text, richText.type]) types.register(type as never);
logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

interface Case {
  type: string;
  before: unknown;
  /** The content in the other database. */
  after: unknown;
  op: unknown;
  /** What all show in the end, if the edit is kept; else it becomes a dead letter. */
  kept?: unknown;
}

const json0 = 'json0';
const delta = (...ops: object[]): object => ({ops});

const lost: Record<string, Case> = {
  'an edit in a removed key': {type: json0, before: {n: 1, k: {a: 1}}, after: {n: 1}, op: [{p: ['k', 'b'], oi: 2}]},
  'an edit in a removed list item': {type: json0, before: {l: ['x', {a: []}]}, after: {l: ['x']}, op: [{p: ['l', 1, 'a', 0], li: 'y'}]},
  'an edit in a list item that is another one': {type: json0, before: {l: [{a: []}]}, after: {l: [{b: 1}]}, op: [{p: ['l', 0, 'a', 0], li: 'y'}]},
  'an edit of a removed text': {type: json0, before: {k: {t: 'old'}}, after: {}, op: [{p: ['k', 't', 3], si: 'er'}]},
  'an edit of a removed text by the subtype': {type: json0, before: {t: 'old'}, after: {}, op: [{p: ['t'], t: 'text0', o: [{p: 0, i: 'c'}]}]},
  'a count of what is a number no more': {type: json0, before: {n: 1}, after: {n: 'one'}, op: [{p: ['n'], na: 1}]},
  'a move of a removed list item': {type: json0, before: {l: ['x', 'y', 'z']}, after: {l: ['y', 'z']}, op: [{p: ['l', 0], lm: 2}]},
  'an edit of which a part is in a removed key': {type: json0, before: {n: 1, k: {a: 1}}, after: {n: 1}, op: [{p: ['n'], na: 1}, {p: ['k', 'b'], oi: 2}]},
  'a format of a removed text': {
    type: 'rich-text', before: [{insert: 'one two\n'}], after: [{insert: 'one\n'}], op: delta({retain: 4}, {retain: 3, attributes: {bold: true}})
  },
  'an edit of json1 in a removed key': {type: json1.uri, before: {k: {a: 1}}, after: {n: 1}, op: ['k', 'b', {i: 2}]}
};

const kept: Record<string, Case> = {
  'an edit beside a removed key': {type: json0, before: {n: 1, k: {a: 1}}, after: {n: 5}, op: [{p: ['n'], na: 1}], kept: {n: 6}},
  'a removal of a removed key': {type: json0, before: {n: 1, k: 1}, after: {n: 1}, op: [{p: ['k'], od: 1}, {p: ['m'], oi: 2}], kept: {n: 1, m: 2}},
  'a list item before a removed one': {type: json0, before: {l: ['x', 'y']}, after: {l: ['x']}, op: [{p: ['l', 1], li: 'z'}], kept: {l: ['x', 'z']}},
  'a text in a removed text': {type: 'text-unicode', before: 'one two', after: 'one', op: [5, '!'], kept: 'one!'},
  'a rich text in a removed text': {
    type: 'rich-text', before: [{insert: 'one two\n'}], after: [{insert: 'one\n'}], op: delta({retain: 5}, {insert: '!'}), kept: [{insert: 'one!\n'}]
  }
};

/** A server that starts again with another database while tabs have a document open. */
class ReplacedDatabaseStage {
  private backend = this.newBackend();
  private readonly connection = new Connection({readyState: 3, close() {}, send() {}} as never);
  private readonly channel = memoryChannels();
  private readonly host = new Host({connection: this.connection, channel: this.channel, warn: () => {}});

  constructor(private readonly type: string) {}

  private newBackend(): Backend {
    return new Backend({db: new BasicQueryableMemoryDB() as never});
  }

  async begin(data: unknown): Promise<void> {
    this.backend = this.newBackend();
    const doc = this.backend.connect().get('notes', 'a');
    await settled(done => doc.create(data, this.type, done));
    this.backend.connect(this.connection);
  }

  async restartWith(data: unknown): Promise<void> {
    this.connection.close();
    await this.begin(data);
  }

  async open(): Promise<[ProxyDoc, ProxyConnection]> {
    const tab = new ProxyConnection({channel: this.channel, warn: () => {}});
    const doc = tab.get('notes', 'a');
    await doc.subscribe();
    return [doc, tab];
  }

  /** Calls back in the turn in which the host replaces the state. */
  onReplaced(act: () => void): void {
    const doc = this.connection.get('notes', 'a') as unknown as {once(event: string, listener: () => void): void};
    doc.once(this.type === json1.uri ? 'load' : 'op', act);
  }

  async serverHas(): Promise<unknown> {
    const doc = this.backend.connect().get('notes', 'a');
    await settled(done => doc.fetch(done));
    return plain(doc.data);
  }

  end(): void {
    this.host.close();
  }
}

const plain = (data: unknown): unknown => {
  const json = JSON.parse(JSON.stringify(data)) as {ops?: unknown};
  return json.ops ?? json;
};

/** When the author makes the edit. */
const moments: Record<string, (stage: ReplacedDatabaseStage, doc: ProxyDoc, edit: () => Promise<unknown>) => () => Promise<unknown>> = {
  'on its way to the host': (stage, _doc, edit) => {
    let outcome: Promise<unknown>;
    stage.onReplaced(() => { outcome = edit(); });
    return () => outcome;
  },
  'held back by its tab': (_stage, doc, edit) => {
    doc.pause();
    const outcome = edit();
    return () => {
      doc.resume();
      return outcome;
    };
  }
};

describe('an edit that meets the content of another database', () => {
  for (const [moment, begin] of Object.entries(moments)) {
    for (const [what, {type, before, after, op, kept: end}] of Object.entries({...lost, ...kept})) {
      it(`is ${end === undefined ? 'a dead letter' : 'kept'}: ${what}, ${moment}`, async () => {
        const stage = new ReplacedDatabaseStage(type);
        try {
          await stage.begin(before);
          const [doc] = await stage.open();
          await stage.restartWith(after);
          const outcomeOf = begin(stage, doc, () => doc.submitOp(structuredClone(op)).then(() => 'saved', (error: {code: string}) => error.code));
          const [loaded, tab] = await stage.open();
          const now = end ?? after;
          await until('the loaded page has the other database', () => JSON.stringify(plain(loaded.data)) !== JSON.stringify(before));
          expect(await outcomeOf()).to.equal(end === undefined ? 'ERR_TABS_HISTORY_GONE' : 'saved');
          await until('both show it', () => [doc, loaded].every(({data}) => JSON.stringify(plain(data)) === JSON.stringify(now)));
          expect(await stage.serverHas()).to.eql(now);
          const letters = await tab.deadLetters.list();
          expect(letters.map(letter => plain(letter.step.op))).to.eql(end === undefined ? [plain(op)] : []);
          // The author goes on.
          expect(doc.hasPending()).to.equal(false);
        } finally {
          stage.end();
        }
      });
    }
  }

  it('loses nothing if its components are merged', () => {
    const type = types.map[json0] as never;
    expect(losesContent(type, [{p: ['t', 0], si: 'a'}, {p: ['t', 1], si: 'b'}], [{p: ['t', 4], si: 'ab'}])).to.equal(false);
    expect(losesContent(type, [{p: ['n'], na: 1}, {p: ['n'], na: 2}], [{p: ['n'], na: 3}])).to.equal(false);
  });
});
