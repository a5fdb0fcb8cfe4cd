import {contract} from './contract.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];

/** The host answers a subscription when its own document is loaded, which waits for the acknowledgement of the create. */
const LOADED_FIRST = 'the subscription is answered after the create';

describe('contract: following', () => {
  contract('a fetch loads the document', async ({doc, remoteDoc, says, note, calm}) => {
    await remoteDoc({n: 1});
    doc().fetch(says('fetch'));
    note('after the call');
    await calm();
  });

  contract('a fetch of a missing document returns version 0', async ({doc, says, calm}) => {
    doc().fetch(says('fetch'));
    await calm();
    doc().create({n: 1}, says('create'));
  });

  contract('a fetch of a deleted document returns its version', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    remote.del();
    await calm();
    doc().fetch(says('fetch'));
    await calm();
    doc().create({n: 2}, says('create'));
  });

  contract('concurrent fetches are all called back', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    for (const n of [1, 2, 3]) doc().fetch(says(`fetch ${n}`));
    await calm();
  });

  contract('a fetched document stays unchanged until it is fetched again', async ({doc, remoteDoc, says, note, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch(says('fetch'));
    await calm();
    remote.submitOp(add(1));
    remote.submitOp(add(2));
    await calm();
    note('still');
    doc().fetch(says('fetch again'));
    await calm();
  });

  contract('a fetched document gets a deletion and a new creation when it is fetched again', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch(says('fetch'));
    await calm();
    remote.del();
    await calm();
    doc().fetch(says('fetch of the deleted'));
    await calm();
    remote.create({n: 7});
    remote.submitOp(add(1));
    await calm();
    doc().fetch(says('fetch of the new'));
  });

  contract('a fetched document is updated over a deletion and a new creation at once', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch(says('fetch'));
    await calm();
    remote.del();
    await calm();
    remote.create({n: 7});
    await calm();
    doc().fetch(says('fetch again'));
  });

  contract('a subscription loads, and follows', async ({doc, remoteDoc, says, note, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().subscribe(says('subscribe'));
    note('after the call');
    await calm();
    remote.submitOp(add(1), {source: 'elsewhere'});
    await calm();
  });

  contract('a subscription to a missing document receives its creation', async ({doc, remoteDoc, says, calm}) => {
    doc().subscribe(says('subscribe'));
    await calm();
    const remote = await remoteDoc({n: 1});
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  contract('a subscription receives deletion and new creation', async ({followed, calm}) => {
    const {remote} = await followed({n: 1});
    remote.submitOp(add(1));
    await calm();
    remote.del();
    await calm();
    remote.create([{insert: 'a'}], 'rich-text');
    await calm();
    remote.submitOp([{retain: 1}, {insert: 'b'}]);
    await calm();
  });

  contract('a second subscription calls back', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().subscribe(says('first'));
    doc().subscribe(says('second'));
    await calm();
    doc().subscribe(says('third'));
    await calm();
  });

  contract('an unsubscribed document receives no more ops', async ({followed, says, note, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.unsubscribe(says('unsubscribe'));
    note('after the call');
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  contract('a new subscription receives the missed ops', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.unsubscribe(says('unsubscribe'));
    await calm();
    remote.submitOp(add(1));
    remote.submitOp(add(2));
    await calm();
    doc.subscribe(says('subscribe'));
    await calm();
    remote.submitOp(add(3));
  });

  contract('subscribe, unsubscribe and subscribe at once', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().subscribe(says('subscribe'));
    doc().unsubscribe(says('unsubscribe'));
    doc().subscribe(says('subscribe again'));
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  contract('subscribe and unsubscribe at once', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().subscribe(says('subscribe'));
    doc().unsubscribe(says('unsubscribe'));
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  contract('unsubscribe without a subscription calls back', async ({doc, says, calm}) => {
    doc().unsubscribe(says('unsubscribe'));
    doc().unsubscribe();
    await calm();
  });

  contract('fetch and subscribe at once', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().fetch(says('fetch'));
    doc().subscribe(says('subscribe'));
    doc().fetch(says('fetch again'));
    await calm();
  });

  contract('a fetch of a followed document calls back', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.fetch(says('fetch'));
    await calm();
  });

  contract('a document is created and followed at once', async ({doc, says, calm}) => {
    doc().create({n: 1}, says('create'));
    doc().subscribe(says('subscribe'));
    await calm();
    doc().submitOp(add(1), says('op'));
  }, {exceptPending: LOADED_FIRST});

  contract('a document is followed and created at once', async ({doc, says, calm}) => {
    doc().subscribe(says('subscribe'));
    doc().create({n: 1}, says('create'));
    await calm();
  }, {exceptPending: LOADED_FIRST});

  contract('a document that another client has created is followed and created at once', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 7});
    doc().subscribe(says('subscribe'));
    doc().create({n: 1}, says('create'));
    await calm();
  }, {exceptPending: LOADED_FIRST});

  contract('ops of others arrive with their client', async ({doc, remoteDoc, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().subscribe();
    await calm();
    remote.submitOp(add(1));
    remote.submitOp(add(1));
    await calm();
  });

  contract('many ops of others arrive one by one', async ({followed, calm}) => {
    const {remote} = await followed({n: 1});
    remote.preventCompose = true;
    for (const n of [1, 2, 3, 4]) remote.submitOp(add(n));
    await calm();
  });

  contract('an op of a stale document is transformed over the missed ops', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({list: ['b']});
    doc().fetch();
    await calm();
    remote.submitOp([{p: ['list', 0], li: 'a'}]);
    await calm();
    doc().submitOp([{p: ['list', 1], li: 'c'}], says('op'));
    doc().submitOp([{p: ['list', 2], li: 'd'}], says('op with it'));
    await calm();
  });

  contract('an op of a stale document that was deleted meanwhile is refused', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch();
    await calm();
    remote.del();
    await calm();
    doc().submitOp(add(1), says('op'));
    await calm();
  });

  contract('a deletion of a stale document deletes', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().fetch();
    await calm();
    remote.submitOp(add(1));
    await calm();
    doc().del(says('del'));
    await calm();
  });

  contract('a projection shows its fields, and ops on them', async ({backend, doc, remoteDoc, says, calm}) => {
    backend.addProjection('short_notes', 'notes', {n: true});
    const remote = await remoteDoc({n: 1, secret: 'x'});
    const short = doc('one', 'short_notes');
    short.subscribe(says('subscribe'));
    await calm();
    remote.submitOp([{p: ['secret'], od: 'x', oi: 'y'}]);
    remote.submitOp(add(1));
    await calm();
    short.submitOp(add(1), says('op'));
    await calm();
    short.submitOp([{p: ['secret'], oi: 'z'}], says('op on what is not shown'));
    await calm();
  });
});
