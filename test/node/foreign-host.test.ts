import {expect} from 'chai';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {Stage} from './mirror-stage.js';

types.register(richText.type);

const kinds: Record<string, {data: unknown; mine: unknown; theirs: unknown; both: unknown}> = {
  json0: {
    data: {words: ['one']}, mine: [{p: ['words', 1], li: {text: 'mine'}}], theirs: [{p: ['words', 0], li: 'theirs'}],
    both: {words: ['theirs', 'one', {text: 'mine'}]}
  },
  'rich-text': {
    data: [{insert: 'one'}], mine: [{retain: 3}, {insert: ' mine'}], theirs: [{insert: 'theirs '}], both: {ops: [{insert: 'theirs one mine'}]}
  }
};

describe('an edit that is made when a host without the history has taken over, and the document is not loaded again yet', () => {
  let stage: Stage;
  const store = (): {store: {storage: InMemoryStorage}} => ({store: {storage: new InMemoryStorage()}});

  beforeEach(() => { stage = new Stage(); });
  afterEach(() => stage.close());

  for (const [type, {data, mine, theirs, both}] of Object.entries(kinds)) {
    it(`reaches the server where that has changed nothing: ${type}`, async () => {
      stage.startHost(store());
      const {connection} = stage.openTab();
      const doc: ProxyDoc = connection.get('notes', 'a');
      await doc.create(data, type);
      await doc.subscribe();
      await connection.flushWrites();
      const edits: Promise<unknown>[] = [];
      connection.on('hostState', state => { if (state === 'connected') edits.push(doc.submitOp(mine), doc.submitOp(mine)); });
      stage.killHost();
      stage.startHost(store());
      await until('it has a host', () => edits.length === 2);
      await Promise.all(edits);
      const other = stage.backend.connect().get('notes', 'a');
      await settled(done => other.subscribe(done));
      expect(JSON.stringify(other.data)).to.equal(JSON.stringify(doc.data));
      expect([other.version, await connection.deadLetters.list()]).to.eql([doc.version, []]);
      await settled(done => other.submitOp(theirs as never, {}, done));
      await until('others are shown', () => doc.version === other.version);
      expect(JSON.stringify(doc.data)).to.equal(JSON.stringify(other.data));
    });

    it(`is a dead letter where the server has changed: ${type}`, async () => {
      stage.startHost(store());
      const {connection} = stage.openTab();
      const doc: ProxyDoc = connection.get('notes', 'a');
      await doc.create(data, type);
      await doc.subscribe();
      const other = stage.backend.connect().get('notes', 'a');
      await settled(done => other.fetch(done));
      let edit: Promise<unknown> | undefined;
      connection.on('hostState', state => { if (state === 'connected') edit = doc.submitOp(mine).catch((error: unknown) => error); });
      stage.killHost();
      await settled(done => other.submitOp(theirs as never, {}, done));
      stage.startHost(store());
      await until('it has a host', () => !!edit);
      expect(await edit).to.include({code: 'ERR_TABS_OP_LOST'});
      await until('the app can see it', async () => (await connection.deadLetters.list()).length === 1);
      await connection.deadLetters.retry((await connection.deadLetters.list())[0]!.id);
      await until('it is made again', () => JSON.stringify(doc.data) === JSON.stringify(both));
    });
  }
});
