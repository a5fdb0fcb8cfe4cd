import {expect} from 'chai';
import type {ProxyConnection} from '../../lib/index.js';
import {PairStage} from '../contract/pair-stage.js';
import {twoConnections, twoTabs} from '../contract/pairs.js';
import {Recording, type Doc} from '../contract/recording.js';
import {until} from '../waiting/until.js';

type Script = (stage: PairStage) => Promise<void> | void;

const add = (n: number): object[] => [{p: ['n'], na: n}];
const insert = (at: number, text: string): object[] => [{p: ['text', at], si: text}];
const paint = (od: string, oi: string): object[] => [{p: ['color'], od, oi}];
const NO = {code: 'ERR_NO', message: 'The app says no'};

async function recorded(open: typeof twoTabs, script: Script): Promise<string[]> {
  // A watching tab shows an op before the server has it. Its version is then still the last one (see below), and it need not fetch after
  // the network was lost.
  const recording = new Recording({exceptVersions: true, exceptPending: true});
  const stage = await PairStage.open(open, recording);
  try {
    await script(stage);
    await stage.conclude();
    for (const docs of Object.values(stage.connection.collections)) {
      for (const {id, version} of Object.values(docs)) stage.note('version', id, version);
    }
    return [...recording.lines, ...recording.elsewhere];
  } finally {
    stage.close();
  }
}

/** The watching tab gets the events of a client with its own connection, and ends at the same versions. */
function sees(what: string, script: Script): void {
  it(`sees ${what}`, async () => {
    expect(await recorded(twoTabs, script)).to.eql(await recorded(twoConnections, script));
  });
}

/** Behaviour that only tabs of one host have. */
function does(title: string, script: Script): void {
  it(title, async () => {
    const stage = await PairStage.open(twoTabs);
    try {
      await script(stage);
    } finally {
      stage.close();
    }
  });
}

/** Documents enter the results, change there, and leave them. */
async function queried({actorDoc, calm}: Pick<PairStage, 'actorDoc' | 'calm'>, query: () => void): Promise<void> {
  for (const [id, color] of [['one', 'red'], ['two', 'blue']]) actorDoc(id).create({color, n: 1});
  await calm();
  query();
  await calm();
  for (const step of [
    () => actorDoc('two').submitOp(paint('blue', 'red')),
    () => actorDoc('two').submitOp(add(1)),
    () => actorDoc('one').submitOp(paint('red', 'blue')),
    () => actorDoc('three').create({color: 'red', n: 3}),
    () => actorDoc('three').del()
  ]) {
    step();
    await calm();
  }
}

const code = (error: unknown): string => (error as {code?: string} | undefined)?.code ?? 'ok';

describe('a tab that watches another on the same host', () => {
  sees('a document made, changed, deleted and made again', async ({actorDoc, doc, calm}) => {
    doc().subscribe();
    await calm();
    actorDoc().create({n: 1});
    await calm();
    actorDoc().submitOp(add(1), {source: 'mine'});
    await calm();
    actorDoc().del();
    await calm();
    actorDoc().create([{insert: 'a'}], 'rich-text');
    await calm();
    actorDoc().submitOp([{retain: 1}, {insert: 'b'}]);
    await calm();
  });

  sees('an op of many components one by one', async ({shared, calm}) => {
    const {mine} = await shared({n: 1, text: ''});
    mine.submitOp([...add(1), ...insert(0, 'a'), ...add(1)]);
    await calm();
  });

  sees('ops of one turn as one', async ({shared, calm}) => {
    const {mine} = await shared({n: 1});
    for (const n of [1, 2, 3]) mine.submitOp(add(n));
    await calm();
  });

  sees('ops of several documents', async ({shared, calm}) => {
    const docs = [await shared({n: 1}), await shared('ab', 'presence-test-type', 'two'), await shared({n: 3}, 'json0', 'three')];
    docs[1]!.mine.submitOp({index: 1, value: '>'});
    await calm();
    docs[0]!.mine.submitOp(add(1));
    await calm();
    docs[2]!.mine.del();
    await calm();
  });

  sees('the ops of a remote client between those of the other tab', async ({shared, calm}) => {
    const {mine, remote} = await shared({text: ''});
    mine.submitOp(insert(0, 'a'));
    await calm();
    remote.submitOp(insert(0, 'b'));
    await calm();
    mine.submitOp(insert(2, 'c'));
    await calm();
  });

  sees('nothing of a document that it has only fetched, until it fetches it again', async ({shared, doc, calm}) => {
    const {mine} = await shared({n: 1});
    doc().unsubscribe();
    doc('two').fetch();
    await calm();
    mine.submitOp(add(1));
    await calm();
    mine.submitOp(add(1));
    await calm();
    doc().fetch();
    await calm();
  });

  sees('what it missed of a document that it has only fetched when it submits an op', async ({shared, doc, says, calm}) => {
    const {mine} = await shared({text: 'ab'});
    doc().unsubscribe();
    await calm();
    mine.submitOp(insert(0, '>'));
    await calm();
    doc().submitOp(insert(2, '<'), says('op'));
    await calm();
  });

  sees('no more than a fetched document of what is deleted and made again', async ({actorDoc, doc, calm}) => {
    actorDoc().create({n: 1});
    await calm();
    doc().fetch();
    await calm();
    actorDoc().del();
    await calm();
    actorDoc().create({n: 2});
    await calm();
    doc().fetch();
    await calm();
  });

  sees('nothing more when it unsubscribes, whatever the other tab follows', async ({shared, says, calm}) => {
    const {mine, theirs, remote} = await shared({n: 1});
    theirs.unsubscribe(says('unsubscribe'));
    await calm();
    mine.submitOp(add(1));
    remote.submitOp(add(1));
    await calm();
  });

  sees('everything still when the other tab unsubscribes', async ({shared, calm}) => {
    const {mine, remote} = await shared({n: 1});
    mine.unsubscribe();
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  sees('everything still when the other tab destroys its document', async ({shared, calm}) => {
    const {mine, theirs, remote} = await shared({n: 1});
    mine.destroy();
    await calm();
    remote.submitOp(add(1));
    await calm();
    theirs.submitOp(add(1));
    await calm();
  });

  sees('nothing more when it destroys its document', async ({shared, says, calm}) => {
    const {mine, theirs} = await shared({n: 1});
    theirs.destroy(says('destroy'));
    await calm();
    mine.submitOp(add(1));
    await calm();
  });

  sees('everything still when the other tab closes', async ({shared, actor, says, calm}) => {
    const {theirs, remote} = await shared({n: 1});
    actor.close();
    await calm();
    remote.submitOp(add(1));
    await calm();
    theirs.submitOp(add(1), says('op'));
    await calm();
  });

  // In two steps: here the op arrives first, and the change of the results when the server has the op.
  sees('the documents of a query change by the ops of the other tab', async ({actorDoc, connection, doc, says, calm}) => {
    await queried({actorDoc, calm}, () => {
      for (const id of ['one', 'two', 'three']) doc(id);
      connection.createSubscribeQuery('notes', {filter: {color: 'red'}}, null, says('query'));
    });
  });

  sees('the results of a query change by the ops of the other tab', async ({actorDoc, connection, recording, says, calm}) => {
    await queried({actorDoc, calm}, () => {
      recording.query(connection.createSubscribeQuery('notes', {filter: {color: 'red'}}, null, says('query')));
    });
  });

  sees('presence of the other tab', async ({actor, connection, recording, calm}) => {
    const here = recording.presence(connection.getPresence('room'));
    here.subscribe();
    await calm();
    const there = actor.getPresence('room');
    const theirs = there.create('theirs');
    theirs.submit({at: 1});
    await calm();
    theirs.submit({at: 2});
    await calm();
    theirs.destroy();
    await calm();
  });

  sees('presence of the other tab in a document move with everybody\'s ops', async ({shared, actor, connection, recording, calm}) => {
    const {mine, theirs, remote} = await shared('abcd', 'presence-test-type');
    const here = recording.presence(connection.getDocPresence('notes', 'one'));
    here.subscribe();
    await calm();
    const place = actor.getDocPresence('notes', 'one').create('place');
    place.submit({index: 2});
    await calm();
    for (const doc of [mine, theirs, remote] as Doc[]) {
      doc.submitOp({index: 0, value: '>'});
      await calm();
    }
  });

  sees('presence of the other tab withdrawn when that closes', async ({actor, connection, recording, calm}) => {
    const here = recording.presence(connection.getPresence('room'));
    here.subscribe();
    actor.getPresence('room').subscribe();
    await calm();
    actor.getPresence('room').create('theirs').submit({at: 1});
    await calm();
    actor.close();
    await calm();
  });

  sees('ops made without a network when it is back', async ({shared, away, back}) => {
    const {mine} = await shared({n: 1});
    mine.submitOp(add(1));
    await away();
    await back();
  });
});

describe('tabs of one host', () => {
  does('who unsubscribes while the host is lost is called back once, and not subscribed again', async ({shared, calm}) => {
    const {mine} = await shared({n: 1});
    const connection = mine.connection as unknown as ProxyConnection;
    const other = connection.get('notes', 'two');
    await other.subscribe();
    const called: string[] = [];
    mine.unsubscribe(() => {
      called.push('one');
      other.unsubscribe(() => called.push('two'));
    });
    connection.hostClient.resynchronize('to try it');
    await calm();
    expect(called).to.eql(['one', 'two']);
    expect([mine.subscribed, other.subscribed]).to.eql([false, false]);
  });

  does('an op shows in the other tab before the server has it, at the version that the server has', async ({shared, hold, release, calm}) => {
    const {mine, theirs} = await shared({n: 1});
    const {arrived} = hold();
    mine.submitOp(add(1));
    await arrived;
    expect([mine.data.n, mine.version]).to.eql([2, 1]);
    expect([theirs.data.n, theirs.version]).to.eql([2, 1]);
    release();
    await calm();
    expect([mine.version, theirs.version]).to.eql([2, 2]);
  });

  does('ops that the server gets as one show one by one in the other tab', async ({shared, hold, release, calm, backend}) => {
    const {mine, theirs} = await shared({n: 1});
    const shown: unknown[] = [];
    theirs.on('op', (op, source) => shown.push([op, source]));
    const {arrived} = hold();
    for (const n of [1, 2, 3]) {
      mine.submitOp(add(n));
      await arrived;
      await until('the other tab shows it', () => shown.length === n);
    }
    expect(shown).to.eql([[add(1), false], [add(2), false], [add(3), false]]);
    release();
    await calm();
    const ops = await new Promise<{op: unknown}[]>((resolve, reject) =>
      backend.db.getOps('notes', 'one', 1, null, {}, (error, ops) => (error ? reject(error as Error) : resolve(ops as never))));
    expect(ops.map(({op}) => op)).to.eql([add(1), add(5)]);
  });

  does('what one tab has pending is not pending in the other', async ({shared, connection, hold, release, calm}) => {
    const {mine, theirs} = await shared({n: 1});
    const {arrived} = hold();
    mine.submitOp(add(1));
    await arrived;
    expect([mine.hasPending(), theirs.hasPending(), connection.hasPending()]).to.eql([true, false, false]);
    release();
    await calm();
  });

  for (const [type, start, op, later] of [
    ['json0', {n: 1}, add(1), add(10)],
    ['rich-text', [{insert: 'ab'}], [{insert: 'X'}], [{insert: 'Y'}]]
  ] as const) {
    does(`an op that the server rejects shows in the other tab, and is taken back by an op: ${type}`, async ({shared, hold, release, refuse, calm}) => {
      const {mine, theirs} = await shared(start, type);
      const before = JSON.stringify(theirs.data);
      const events: string[] = [];
      for (const event of ['op', 'load', 'del', 'create', 'error'] as const) {
        theirs.on(event, (...args: unknown[]) => events.push(event === 'op' ? `op ${String(args[1])}` : event));
      }
      const {arrived} = hold();
      refuse('submit', NO);
      const outcome = new Promise(resolve => mine.submitOp(op, resolve));
      await arrived;
      release();
      expect(code(await outcome)).to.equal('ERR_NO');
      await calm();
      expect(events).to.eql(['op false', 'op false']);
      expect([JSON.stringify(theirs.data), JSON.stringify(mine.data)]).to.eql([before, before]);
      expect([mine.version, theirs.version]).to.eql([1, 1]);
    });

    does(`an op that the server rejects does not cost the other tab its own: ${type}`, async ({shared, hold, release, use, calm}) => {
      const {mine, theirs, remote} = await shared(start, type);
      const {arrived} = hold();
      let count = 0;
      use('submit', (_context, next) => next(count++ === 0 ? NO : undefined));
      const first = new Promise(resolve => mine.submitOp(op, resolve));
      await arrived;
      const second = new Promise(resolve => theirs.submitOp(later, resolve));
      await calm();
      release();
      expect([code(await first), code(await second)]).to.eql(['ERR_NO', 'ok']);
      await calm();
      expect([mine, theirs].map(({data}) => JSON.stringify(data))).to.eql(Array(2).fill(JSON.stringify(remote.data)));
      expect([mine.version, theirs.version]).to.eql([remote.version, remote.version]);
    });
  }

  does('a create that the server rejects is taken back in the other tab', async ({actorDoc, doc, refuse, calm}) => {
    doc().subscribe();
    await calm();
    refuse('submit', NO);
    expect(code(await new Promise(resolve => actorDoc().create({n: 1}, resolve)))).to.equal('ERR_NO');
    await calm();
    expect([doc().type, doc().data, doc().version]).to.eql([null, undefined, 0]);
  });

  does('a deletion that the server rejects is taken back in the other tab', async ({shared, refuse, calm}) => {
    const {mine, theirs} = await shared({n: 1});
    refuse('submit', NO);
    expect(code(await new Promise(resolve => mine.del(resolve)))).to.equal('ERR_NO');
    await calm();
    expect([theirs.data, theirs.version, mine.data, mine.version]).to.eql([{n: 1}, 1, {n: 1}, 1]);
  });

  does('of two tabs that create the same document one is refused', async ({actorDoc, doc, calm}) => {
    const outcomes = await Promise.all([actorDoc(), doc()].map((one, index) =>
      new Promise(resolve => one.create({made: index}, resolve))));
    expect(outcomes.map(code).sort()).to.eql(['ERR_DOC_ALREADY_CREATED', 'ok']);
    await calm();
    expect(actorDoc().data).to.eql(doc().data);
    expect([actorDoc().version, doc().version]).to.eql([1, 1]);
  });

  does('two tabs that edit at once see the same, each op once', async ({shared, hold, release, calm}) => {
    const {mine, theirs, remote} = await shared({text: ''});
    const {arrived} = hold();
    const outcomes = [mine, theirs].map((one, index) => new Promise(resolve => one.submitOp(insert(0, 'ab'[index]!), resolve)));
    await arrived;
    release();
    expect((await Promise.all(outcomes)).map(code)).to.eql(['ok', 'ok']);
    await calm();
    expect(mine.data.text).to.have.lengthOf(2);
    expect([theirs.data, remote.data]).to.eql([mine.data, mine.data]);
    expect([mine.version, theirs.version, remote.version]).to.eql([3, 3, 3]);
  });

  does('tabs see each other\'s presence without the server', async ({actor, connection, away, calm}) => {
    const here = connection.getPresence('room');
    here.subscribe();
    await calm();
    await away();
    const seen: unknown[] = [];
    here.on('receive', (id, value) => seen.push([id, value]));
    const theirs = actor.getPresence('room').create('theirs');
    theirs.submit({at: 1});
    await calm();
    theirs.submit({at: 2});
    await calm();
    expect(seen).to.eql([['theirs', {at: 1}], ['theirs', {at: 2}]]);
  });

  does('tabs see each other\'s ops without the server', async ({shared, away, back, calm}) => {
    const {mine, theirs, remote} = await shared({text: ''});
    await away();
    mine.submitOp(insert(0, 'a'));
    await calm();
    theirs.submitOp(insert(1, 'b'));
    await calm();
    expect([mine.data.text, theirs.data.text, remote.data.text]).to.eql(['ab', 'ab', '']);
    await back();
    expect([remote.data.text, remote.version, mine.version, theirs.version]).to.eql(['ab', 3, 3, 3]);
  });

  does('remote clients see the presence of each tab once', async ({actor, connection, remote, calm}) => {
    const outside = remote.getPresence('room');
    const seen: unknown[] = [];
    outside.on('receive', (id, value) => seen.push([id, value]));
    outside.subscribe();
    for (const tab of [actor, connection]) tab.getPresence('room').subscribe();
    await calm();
    actor.getPresence('room').create('first').submit({at: 1});
    await calm();
    connection.getPresence('room').create('second').submit({at: 2});
    await calm();
    expect(seen).to.eql([['first', {at: 1}], ['second', {at: 2}]]);
    expect(outside.remotePresences).to.eql({first: {at: 1}, second: {at: 2}});
  });

  does('remote clients see the presence of a tab that closes withdrawn, and that of the other still', async ({actor, connection, remote, calm}) => {
    const outside = remote.getPresence('room');
    outside.subscribe();
    for (const [id, tab] of [['first', actor], ['second', connection]] as const) {
      tab.getPresence('room').subscribe();
      tab.getPresence('room').create(id).submit({at: id});
    }
    await calm();
    expect(outside.remotePresences).to.have.all.keys('first', 'second');
    actor.close();
    await calm();
    expect(outside.remotePresences).to.eql({second: {at: 'second'}});
  });

  does('the same query of two tabs is one at the server, and changes in both', async ({actor, connection, remoteDoc, use, calm}) => {
    let queries = 0;
    use('query', (_context, next) => {
      queries++;
      next();
    });
    const one = await remoteDoc({color: 'red'});
    const results = [actor, connection].map(tab => tab.createSubscribeQuery('notes', {filter: {color: 'red'}}));
    await calm();
    expect(queries).to.equal(1);
    expect(results.map(({results}) => results.map(({id}) => id))).to.eql([['one'], ['one']]);
    one.submitOp(paint('red', 'blue'));
    await calm();
    expect(results.map(({results}) => results.length)).to.eql([0, 0]);
    await remoteDoc({color: 'red'}, undefined, 'two');
    await calm();
    expect(results.map(({results}) => results.map(({id, data}) => [id, data]))).to.eql(Array(2).fill([['two', {color: 'red'}]]));
  });

  does('a query outlives the tab that asked it first', async ({actor, connection, remoteDoc, calm}) => {
    actor.createSubscribeQuery('notes', {});
    await calm();
    const query = connection.createSubscribeQuery('notes', {});
    await calm();
    actor.close();
    await remoteDoc({n: 1});
    await calm();
    expect(query.results.map(({id}) => id)).to.eql(['one']);
  });

  does('documents subscribed to in bulk are one request to the server', async ({connection, doc, use, calm}) => {
    const requests: string[] = [];
    use('receive', (context, next) => {
      requests.push(context['data'].a as string);
      next();
    });
    connection.startBulk();
    for (const id of ['one', 'two', 'three']) doc(id).subscribe();
    connection.endBulk();
    await calm();
    expect(requests.filter(action => action !== 'hs')).to.eql(['bs']);
    expect(['one', 'two', 'three'].map(id => doc(id).subscribed)).to.eql([true, true, true]);
  });

  does('a document that one tab follows costs the other no request to the server', async ({shared, actor, doc, use, calm}) => {
    await shared({n: 1});
    const requests: string[] = [];
    use('receive', (context, next) => {
      requests.push(context['data'].a as string);
      next();
    });
    actor.get('notes', 'one').subscribe();
    doc().unsubscribe();
    await calm();
    doc().subscribe();
    await calm();
    expect(requests).to.eql([]);
  });
});
