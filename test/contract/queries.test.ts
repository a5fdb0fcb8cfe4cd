import {contract} from './contract.js';
import type {Doc} from './recording.js';
import type {ContractStage} from './stage.js';

const ALL = {};
const red = {filter: {color: 'red'}};
const byAge = {sort: [['age', 1]]};
const paint = (od: string, oi: string): object[] => [{p: ['color'], od, oi}];

/** The host sends the missing ops of a stale document with the results, so it need not be fetched. */
const NO_FETCH = 'the host sends with the results what a stale document lacks';

/** Three notes at the server. The recorded client watches them without having loaded any. */
async function notes(stage: ContractStage, watched = ['one', 'two', 'three']): Promise<Record<'one' | 'two' | 'three', Doc>> {
  const one = await stage.remoteDoc({color: 'red', age: 1}, undefined, 'one');
  const two = await stage.remoteDoc({color: 'red', age: 2}, undefined, 'two');
  const three = await stage.remoteDoc({color: 'blue', age: 3}, undefined, 'three');
  for (const id of watched) stage.doc(id);
  return {one, two, three};
}

async function subscribed(stage: ContractStage, query: object): Promise<Record<'one' | 'two' | 'three', Doc>> {
  const docs = await notes(stage);
  stage.recording.query(stage.connection.createSubscribeQuery('notes', query, null, stage.says('query')));
  await stage.calm();
  return docs;
}

describe('contract: queries', () => {
  contract('a fetched query returns its documents', async stage => {
    await notes(stage);
    const query = stage.recording.query(stage.connection.createFetchQuery('notes', red, null, stage.says('query')));
    stage.note('after the call', query.ready, query.sent, query.results, stage.connection.hasPending());
    await stage.calm();
    stage.note('then', query.ready, query.sent, query.results, query.extra);
  });

  contract('the documents of a fetched query are not updated', async stage => {
    const {one} = await notes(stage);
    stage.connection.createFetchQuery('notes', red, null, stage.says('query'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
    stage.doc('one').submitOp([{p: ['age'], na: 10}], stage.says('op'));
  });

  contract('a subscribed query returns its documents, which are updated', async stage => {
    const {one} = await subscribed(stage, red);
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
  });

  contract('a document enters the results', async stage => {
    const {three} = await subscribed(stage, red);
    three.submitOp(paint('blue', 'red'));
    await stage.calm();
    three.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  });

  contract('a document is created into the results', async stage => {
    await subscribed(stage, red);
    stage.doc('four');
    const four = await stage.remoteDoc({color: 'red', age: 4}, undefined, 'four');
    await stage.calm();
    four.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  });

  contract('a document leaves the results', async stage => {
    const {one} = await subscribed(stage, red);
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  });

  contract('a document leaves the results and enters them again', async stage => {
    const {one} = await subscribed(stage, red);
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
    one.submitOp(paint('blue', 'red'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  }, {exceptPending: NO_FETCH});

  contract('a document is deleted from the results', async stage => {
    const {one} = await subscribed(stage, red);
    one.del();
    await stage.calm();
    one.create({color: 'red', age: 9});
    await stage.calm();
  });

  contract('documents change their order', async stage => {
    const {one, three} = await subscribed(stage, byAge);
    one.submitOp([{p: ['age'], na: 10}]);
    await stage.calm();
    three.submitOp([{p: ['age'], na: -20}]);
    await stage.calm();
  });

  contract('the client\'s own ops change the results', async stage => {
    await subscribed(stage, red);
    stage.doc('one').submitOp(paint('red', 'blue'), stage.says('op'));
    await stage.calm();
    stage.doc('one').submitOp(paint('blue', 'red'), stage.says('op back'));
    await stage.calm();
    stage.doc('new').create({color: 'red', age: 0}, stage.says('create'));
    await stage.calm();
    stage.doc('new').del(stage.says('del'));
    await stage.calm();
  });

  contract('extra of a query arrives before changes of known results', async stage => {
    await notes(stage, []);
    const known = stage.connection.createFetchQuery('notes', ALL);
    await stage.calm();
    const {results} = known;
    known.destroy();
    stage.recording.query(stage.connection.createSubscribeQuery('notes', {count: true}, {results: [...results]} as never, stage.says('query')));
    await stage.calm();
  });

  contract('extra of a query arrives with it, and when it changes', async stage => {
    const {one} = await subscribed(stage, {filter: {color: 'red'}, count: true});
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
    one.submitOp(paint('blue', 'red'));
    await stage.calm();
    stage.connection.createFetchQuery('notes', {count: true}, null, stage.says('fetched'));
  });

  contract('a destroyed query receives no more changes', async stage => {
    const {one, two, three} = await notes(stage);
    const query = stage.recording.query(stage.connection.createSubscribeQuery('notes', red, null, stage.says('query')));
    await stage.calm();
    query.destroy(stage.says('destroy'));
    await stage.calm();
    one.submitOp(paint('red', 'blue'));
    two.submitOp([{p: ['age'], na: 1}]);
    three.submitOp(paint('blue', 'red'));
    await stage.calm();
  });

  contract('a query that is destroyed before it is answered is not called back', async stage => {
    await notes(stage);
    const query = stage.recording.query(stage.connection.createSubscribeQuery('notes', red, null, stage.says('query')));
    query.destroy(stage.says('destroy'));
    await stage.calm();
    stage.note('then', query.results, stage.connection.hasPending());
  });

  contract('a query finds documents that are followed already', async stage => {
    const {one} = await notes(stage);
    stage.doc('one').subscribe();
    await stage.calm();
    stage.recording.query(stage.connection.createSubscribeQuery('notes', red, null, stage.says('query')));
    await stage.calm();
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  });

  contract('a query brings stale documents up to date', async stage => {
    const {one} = await notes(stage, ['one']);
    stage.doc('one').fetch();
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
    stage.connection.createFetchQuery('notes', red, null, stage.says('query'));
    await stage.calm();
  }, {exceptPending: NO_FETCH});

  contract('a query uses its earlier results', async stage => {
    await notes(stage);
    stage.doc('one').fetch();
    await stage.calm();
    const results = [stage.doc('one')];
    const query = stage.recording.query(stage.connection.createSubscribeQuery('notes', red, {results}, stage.says('query')));
    stage.note('after the call', query.results);
    await stage.calm();
  });

  contract('two queries of one client both change', async stage => {
    const {one} = await subscribed(stage, red);
    stage.connection.createSubscribeQuery('notes', red, null, stage.says('the same'))
      .on('changed', results => stage.note('the same changed', results));
    stage.connection.createSubscribeQuery('notes', ALL, null, stage.says('another'))
      .on('changed', results => stage.note('the other changed', results));
    await stage.calm();
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
  });

  contract('whenNothingPending waits for queries', async stage => {
    await notes(stage);
    stage.connection.createFetchQuery('notes', red, null, stage.says('query'));
    stage.connection.whenNothingPending(stage.says('nothing pending'));
    await stage.calm();
  });

  contract('a query on a projection returns its documents', async stage => {
    stage.backend.addProjection('short_notes', 'notes', {age: true});
    const {one} = await notes(stage);
    stage.doc('one', 'short_notes');
    stage.recording.query(stage.connection.createSubscribeQuery('short_notes', red, null, stage.says('query')));
    await stage.calm();
    one.submitOp([{p: ['age'], na: 1}]);
    await stage.calm();
    one.submitOp(paint('red', 'blue'));
    await stage.calm();
  });

  contract('a query\'s options reach the server', async stage => {
    await notes(stage);
    const seen: unknown[] = [];
    stage.use('query', (context, next) => next(void seen.push(context['options'], context['query'])));
    stage.connection.createFetchQuery('notes', red, {custom: 5} as never, stage.says('query'));
    await stage.calm();
    stage.note('the server saw', seen);
  });

  contract('a query of an unknown database is refused', async stage => {
    stage.connection.createFetchQuery('notes', red, {db: 'unheard-of'} as never, stage.says('fetched'));
    stage.connection.createSubscribeQuery('notes', red, {db: 'unheard-of'} as never, stage.says('subscribed'));
    await stage.calm();
  });

  contract('a query fails later', async stage => {
    const {one} = await subscribed(stage, byAge);
    const {db} = stage.backend;
    const {query} = db;
    db.query = (...args) => args[4]({code: 'ERR_DB', message: 'The database is gone'} as never, []);
    one.submitOp([{p: ['age'], na: 10}]);
    await stage.calm();
    db.query = query;
    one.submitOp([{p: ['age'], na: 10}]);
    await stage.calm();
  });

  contract('an op submitted while documents are inserted', async stage => {
    const {three} = await notes(stage);
    const query = stage.recording.query(stage.connection.createSubscribeQuery('notes', red, null, stage.says('query')));
    query.on('insert', ([doc]) => (doc as Doc).submitOp([{p: ['age'], na: 100}], stage.says('op')));
    await stage.calm();
    three.submitOp(paint('blue', 'red'));
    await stage.calm();
  });
});
