import {contract} from './contract.js';

describe('contract: documents', () => {
  contract('a document that was never loaded has no data', ({doc, note}) => {
    doc();
    note('got');
  });

  contract('get emits a new document once', ({connection, doc, note}) => {
    connection.on('doc', ({id}) => note('doc event', id));
    const one = doc();
    note('the same', connection.get('notes', 'one') === one, connection.getExisting('notes', 'two'));
  });

  contract('a created document has its data at once, and its version when the server has it', async ({doc, says, note, calm}) => {
    doc().create({n: 1}, says('create'));
    note('after the call');
    await calm();
  });

  contract('create accepts a type, a source, or neither', async ({doc, says, calm}) => {
    doc('typed').create([{insert: 'a'}], 'rich-text', says('typed'));
    doc('sourced').create({n: 1}, 'json0', {source: 'here'}, says('sourced'));
    doc('nulls').create({n: 1}, null, null, says('nulls'));
    doc('bare').create(undefined);
    await calm();
  });

  contract('a second create is refused at once', async ({doc, says, note, calm}) => {
    doc().create({n: 1}, says('first'));
    doc().create({n: 2}, says('second'));
    doc().create({n: 3});
    note('after the calls');
    await calm();
  });

  contract('a create of an existing document is refused', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().create({n: 2}, says('create'));
    await calm();
  });

  contract('a create of an existing document is an error event without a callback', async ({doc, remoteDoc, calm}) => {
    await remoteDoc({n: 1});
    doc().create({n: 2});
    await calm();
  });

  contract('a create with later ops is refused together with them', async ({doc, remoteDoc, says, hold, release, calm}) => {
    const {arrived} = hold();
    doc().create({n: 2}, says('create'));
    await arrived;
    doc().submitOp([{p: ['n'], na: 1}], says('op'));
    await remoteDoc({n: 1});
    release();
    await calm();
  });

  contract('a document deleted at the server can be created again', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    await new Promise<unknown>(resolve => remote.del(resolve));
    doc().create({n: 2}, says('create'));
    await calm();
    doc().submitOp([{p: ['n'], na: 1}], says('op'));
  });

  contract('del emits the deleted data', async ({followed, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.del({source: 'here'}, says('del'));
    note('after the call');
    await calm();
  });

  contract('del and op of a missing document are refused at once', async ({doc, says, note, calm}) => {
    doc().del(says('del'));
    doc().submitOp([{p: ['n'], na: 1}], says('op'));
    note('after the calls');
    await calm();
  });

  contract('del and op of a missing document are error events without a callback', async ({doc, note, calm}) => {
    doc().del();
    doc().submitOp([{p: ['n'], na: 1}]);
    note('after the calls');
    await calm();
  });

  contract('create, ops, del and create again are sent in one turn', async ({doc, says, note, calm}) => {
    doc().create({n: 1}, says('create'));
    doc().submitOp([{p: ['n'], na: 1}], says('op'));
    doc().del(says('del'));
    doc().create({n: 9}, says('create again'));
    doc().submitOp([{p: ['n'], na: 1}], says('op again'));
    note('after the calls');
    await calm();
  });

  contract('a deleted document is created again with another type', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.del(says('del'));
    await calm();
    doc.create('text', 'presence-test-type', says('create'));
    await calm();
    doc.submitOp({index: 0, value: 'a '}, says('op'));
  });

  contract('get returns another document after a destroy', async ({followed, connection, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.destroy(says('destroy'));
    await calm();
    note('known', connection.getExisting('notes', 'one'), connection.get('notes', 'one') === doc);
  });

  contract('a destroyed document receives no more ops', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.destroy(says('destroy'));
    await calm();
    remote.submitOp([{p: ['n'], na: 1}]);
    await calm();
  });

  contract('a destroyed document accepts ops', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.destroy(says('destroy'));
    await calm();
    remote.submitOp([{p: ['n'], na: 10}]);
    await calm();
    doc.submitOp([{p: ['n'], na: 100}], says('op'));
    await calm();
    doc.submitOp([{p: ['n'], na: 1_000}], says('next op'));
    await calm();
    doc.del(says('del'));
  }, {exceptPending: 'the host answers in between'});

  contract('destroy waits for pending ops', async ({followed, says, hold, release, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold();
    doc.submitOp([{p: ['n'], na: 1}], says('op'));
    doc.destroy(says('destroy'));
    await arrived;
    await calm();
    release();
  });

  contract('get cancels a destroy that is still waiting', async ({followed, doc: get, connection, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.destroy(says('destroy'));
    note('the same', connection.get('notes', 'one') === doc);
    await calm();
    note('the same', get() === doc);
  });

  contract('a document is destroyed and followed again', async ({followed, doc: get, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.destroy(says('destroy'));
    await calm();
    get().subscribe(says('subscribe'));
    await calm();
    remote.submitOp([{p: ['n'], na: 1}]);
    await calm();
    get().submitOp([{p: ['n'], na: 1}], says('op'));
  });

  contract('toSnapshot returns a snapshot for ingestSnapshot', async ({followed, doc: get, note}) => {
    const {doc} = await followed({n: 1, list: [1]});
    const snapshot = doc.toSnapshot();
    (doc.data as {list: number[]}).list.push(2);
    note('snapshot', snapshot);
    get('two').ingestSnapshot(snapshot);
    note('ingested');
  });

  contract('an ingested document accepts ops', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().ingestSnapshot({v: 1, type: 'json0', data: {n: 1}}, says('ingest'));
    doc().submitOp([{p: ['n'], na: 1}], says('op'));
    await calm();
  });

  contract('an ingested document catches up when it subscribes', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().ingestSnapshot({v: 1, type: 'json0', data: {n: 1}}, says('ingest'));
    remote.submitOp([{p: ['n'], na: 1}]);
    remote.submitOp([{p: ['n'], na: 2}]);
    await calm();
    doc().subscribe(says('subscribe'));
    await calm();
    remote.submitOp([{p: ['n'], na: 3}]);
  });

  contract('an ingested document catches up when it is fetched', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().ingestSnapshot({v: 1, type: 'json0', data: {n: 1}});
    remote.submitOp([{p: ['n'], na: 1}]);
    await calm();
    doc().fetch(says('fetch'));
  });

  contract('an op on an old ingested state is transformed over the missed ops', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({list: ['b']});
    remote.submitOp([{p: ['list', 0], li: 'a'}]);
    await calm();
    doc().ingestSnapshot({v: 1, type: 'json0', data: {list: ['b']}});
    doc().submitOp([{p: ['list', 1], li: 'c'}], says('op'));
    await calm();
  });

  contract('ingestSnapshot needs a version', async ({doc, says, note, calm}) => {
    doc().ingestSnapshot({data: {n: 1}} as never, says('without'));
    doc().ingestSnapshot({v: null, data: {n: 1}} as never);
    doc().ingestSnapshot(null, says('null'));
    doc().ingestSnapshot(undefined, says('undefined'));
    note('after the calls');
    await calm();
  });

  contract('ingestSnapshot fetches if the snapshot is newer, and ignores an older one', async ({doc, remoteDoc, says, note, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch();
    await calm();
    remote.submitOp([{p: ['n'], na: 1}]);
    await calm();
    doc().ingestSnapshot({v: 1, type: 'json0', data: {n: 5}}, says('same'));
    doc().ingestSnapshot({v: 0, type: null}, says('older'));
    note('after the calls');
    await calm();
    doc().ingestSnapshot({v: 2, type: 'json0', data: {n: 5}}, says('newer'));
  });

  contract('ingestSnapshot waits for a create of the client\'s own', async ({doc, says, note, calm}) => {
    doc().create({n: 1}, says('create'));
    doc().ingestSnapshot({v: 1, type: 'json0', data: {n: 5}}, says('ingest'));
    note('after the calls');
    await calm();
  });

  contract('a snapshot without a type is json0, and with null of a missing document', async ({doc, note, calm}) => {
    doc('untyped').ingestSnapshot({v: 1, data: {n: 1}});
    doc('missing').ingestSnapshot({v: 3, type: null});
    doc('unknown').ingestSnapshot({v: 1, type: 'unheard-of', data: 1});
    note('after the calls');
    await calm();
  });

  contract('data that the app has changed by hand stays changed', async ({followed, note, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.data = {n: 10};
    note('changed');
    remote.submitOp([{p: ['n'], na: 1}]);
    await calm();
  });
});
