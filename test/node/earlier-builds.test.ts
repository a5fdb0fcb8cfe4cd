import {expect} from 'chai';
import {OrphanedOpsStorage} from '../../lib/connect/orphaned-ops-storage.js';
import type {OrphanedOpsMessage} from '../../lib/protocol/messages.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import {pageStorage} from '../support/page-storage.js';
import {until} from '../waiting/until.js';
import {MirrorStage} from './mirror-stage.js';

/*
 * What builds of protocol 3 have stored, word for word. These texts are never adapted to a change: the users of an older build
 * have such stores.
 */
const TYPE = 'http://sharejs.org/types/JSONv0';
const LINEAGE = '57eff535e8049a6c421ef4f8f1d13fab';
const TAB = '283369737676f6f92bcb98ca17aba032';
const HOST = '1fc38206c63327a7d88969be4640b85d';

/** The server has version 1: `{words: []}`. One op was sent, and two more were written after the checkpoint. */
const CHECKPOINT = `{"v":1,"type":"${TYPE}","data":{"words":["sent"]},"rev":2,"isMixed":true,` +
  `"history":[{"rev":2,"v":1,"src":"${TAB}","seq":2,"json":"{\\"op\\":[{\\"p\\":[\\"words\\",0],\\"li\\":\\"sent\\"}]}","isClean":false}],` +
  `"pending":[{"op":[{"p":["words",0],"li":"sent"}],"src":"${HOST}","seq":2,"owner":"${TAB}","type":"${TYPE}","sent":true,"origins":[["${TAB}",2]]}],` +
  `"tabs":[{"id":"${TAB}","lastSeq":2,"outcomes":[]}]}`;
const RECORDS = [
  `{"t":"submit","step":{"op":[{"p":["words",1],"li":"later"}]},"owner":"${TAB}","seq":3,"preventCompose":true,"id":["${HOST}",3]}`,
  `{"t":"submit","step":{"op":[{"p":["words",2],"li":"last"}]},"owner":"${TAB}","seq":4,"id":["${HOST}",4]}`
];
const CREATION = `{"t":"submit","step":{"create":{"type":"${TYPE}","data":{"words":["new"]}}},"owner":"${TAB}","seq":5,"id":["${HOST}",5]}`;

/** A page's last op. It was made on another tab's op, which the host had not written. */
const ORPHANED = JSON.stringify({
  word: {
    tabId: TAB, lineage: LINEAGE,
    docs: [{
      c: 'notes', d: 'a', rev: 4,
      ops: [{seq: 6, step: {op: [{p: ['words', 4], li: 'mine'}]}, x: {}}],
      ahead: [{src: 'another tab', seq: 1, op: [{p: ['words', 3], li: 'theirs'}]}]
    }]
  },
  time: 1700000000000
});

describe('what an older build has stored', () => {
  let stage: MirrorStage;
  let storage: InMemoryStorage;

  beforeEach(async () => {
    stage = new MirrorStage();
    storage = new InMemoryStorage();
    await storage.open('default');
    await storage.claim('older');
    const [a, b] = [['notes', 'a'], ['notes', 'b']] as const;
    await storage.write([
      {type: 'checkpoint', key: a, n: 4, checkpoint: CHECKPOINT, hasPending: true},
      ...RECORDS.map((record, i) => ({type: 'append' as const, key: a, n: 5 + i, record})),
      {type: 'append', key: b, n: 1, record: CREATION},
      {type: 'meta', name: 'lineage', value: LINEAGE}
    ], 'older');
    await stage.create('a', {words: []});
    stage.startHost({store: {storage}, online: false});
  });
  afterEach(() => stage.close());

  it('is shown without the server, and its unsent ops reach the server', async () => {
    const {connection} = stage.openTab();
    const docs = ['a', 'b'].map(id => connection.get('notes', id));
    for (const doc of docs) await doc.subscribe();
    expect(docs.map(({data}) => data as unknown)).to.eql([{words: ['sent', 'later', 'last']}, {words: ['new']}]);
    expect([stage.host.inspect().pendingOps, await connection.quarantine.list()]).to.eql([4, []]);
    stage.goOnline();
    await until('the server has all', () => stage.host.inspect().pendingOps === 0);
    expect([await stage.server('a'), await stage.server('b')]).to.eql([{words: ['sent', 'later', 'last']}, {words: ['new']}]);
    expect(await connection.deadLetters.list()).to.eql([]);
  });

  it('includes the last ops of a page, with those that they were made on', async () => {
    const {connection} = stage.openTab();
    await until('the tab has a host', () => connection.hostState === 'connected');
    const items = pageStorage(new Map([[`sharedb-tabs:default:last-word:${TAB}`, ORPHANED]]));
    const found = new OrphanedOpsStorage('default', connection.id!, undefined, () => items);
    stage.goOnline();
    await found.offer((ops: OrphanedOpsMessage) => connection.callHost('tab.orphanedOps', ops));
    expect(items.length).to.equal(0);
    await until('the server has all', async () => (await stage.server('a') as {words: string[]}).words.length === 5);
    expect(await stage.server('a')).to.eql({words: ['sent', 'later', 'last', 'theirs', 'mine']});
  });

  it('is deleted when the user signs out', () => {
    const items = pageStorage(new Map([[`sharedb-tabs:default:last-word:${TAB}`, ORPHANED], ['of the app', '']]));
    new OrphanedOpsStorage('default', 'tab', undefined, () => items).clear();
    expect(items.key(0)).to.equal('of the app');
    expect(items.length).to.equal(1);
  });
});
