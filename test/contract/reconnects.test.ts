import {contract} from './contract.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];

describe('contract: reconnects', () => {
  contract('a followed document catches up', async ({followed, away, back, calm}) => {
    const {remote} = await followed({n: 1});
    await away();
    remote.submitOp(add(1));
    await calm();
    remote.submitOp(add(1));
    await calm();
    await back();
    remote.submitOp(add(1));
    await calm();
  });

  contract('an unchanged document follows again', async ({followed, away, back, calm}) => {
    const {remote} = await followed({n: 1});
    await away();
    await back();
    remote.submitOp(add(1));
    await calm();
  });

  contract('ops made without a network are sent later', async ({followed, away, backSlowly, says, note}) => {
    const {doc} = await followed({n: 1});
    await away();
    doc.submitOp(add(1), says('op 1'));
    doc.submitOp(add(2), says('op 2'));
    note('after the calls');
    await backSlowly();
  });

  contract('ops made without a network are transformed over ops of others', async ({followed, away, backSlowly, says, calm}) => {
    const {doc, remote} = await followed({list: ['b']});
    await away();
    doc.submitOp([{p: ['list', 1], li: 'c'}], says('op'));
    remote.submitOp([{p: ['list', 0], li: 'a'}]);
    await calm();
    await backSlowly();
  });

  contract('an op in flight is sent again', async ({followed, hold, release, away, backSlowly, says, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold();
    doc.submitOp(add(1), says('op'));
    await arrived;
    doc.submitOp(add(10), says('op behind'));
    await away();
    release();
    await calm();
    await backSlowly();
  });

  contract('an op whose acknowledgement was lost is not written twice', async ({followed, hold, release, away, backSlowly, says, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold('afterWrite');
    doc.submitOp(add(1), says('op'));
    await arrived;
    await away();
    release();
    await calm();
    await backSlowly();
  });

  contract('a document created without a network is created later', async ({doc, away, back, says}) => {
    await away();
    doc().create({n: 1}, says('create'));
    doc().submitOp(add(1), says('op'));
    await back();
    doc().submitOp(add(1), says('op then'));
  });

  contract('a document deleted without a network is deleted later', async ({followed, away, backSlowly, says}) => {
    const {doc} = await followed({n: 1});
    await away();
    doc.del(says('del'));
    await backSlowly();
  });

  contract('a document that others delete meanwhile is deleted', async ({followed, away, back, calm}) => {
    const {remote} = await followed({n: 1});
    await away();
    remote.del();
    await calm();
    await back();
  });

  contract('a document that others delete and create again meanwhile is the new one', async ({followed, away, back, calm}) => {
    const {remote} = await followed({n: 1});
    await away();
    remote.del();
    await calm();
    remote.create({n: 50});
    await calm();
    await back();
  });

  contract('ops on documents that others delete meanwhile are refused', async ({followed, away, backSlowly, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    await away();
    doc.submitOp(add(1), says('op'));
    remote.del();
    await calm();
    await backSlowly();
  }, {exceptPending: 'a tab subscribes again when the host\'s document is out of its rollback'});

  contract('a document requested without a network is loaded later', async ({doc, remoteDoc, away, back, says, calm}) => {
    await remoteDoc({n: 1});
    await away();
    doc('one').subscribe(says('subscribe'));
    doc('two').fetch(says('fetch'));
    await calm();
    await back();
  });

  contract('an open request is repeated', async ({doc, remoteDoc, hold, release, away, back, says, calm}) => {
    await remoteDoc({n: 1});
    const {arrived} = hold('readSnapshots');
    doc('one').subscribe(says('subscribe'));
    doc('two').fetch(says('fetch'));
    await arrived;
    await away();
    release();
    await calm();
    await back();
  });

  contract('destroy without a network', async ({followed, connection, away, back, says, note}) => {
    const {doc} = await followed({n: 1});
    await away();
    doc.destroy(says('destroy'));
    await back();
    note('known', connection.getExisting('notes', 'one'));
  });

  contract('whenNothingPending waits for the network', async ({followed, connection, away, backSlowly, says}) => {
    const {doc} = await followed({n: 1});
    await away();
    doc.submitOp(add(1), says('op'));
    doc.whenNothingPending(says('nothing pending'));
    connection.whenNothingPending(says('nothing pending on the connection'));
    await backSlowly();
  });

  contract('a paused document stays paused', async ({followed, away, back, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.pause();
    doc.submitOp(add(1), says('op'));
    await away();
    await back();
    doc.resume();
    await calm();
  });

  contract('a rejected op that was made without a network is taken back', async ({followed, refuse, away, backSlowly, says}) => {
    const {doc} = await followed({n: 1});
    refuse('submit', {code: 'ERR_NO', message: 'The app says no'});
    await away();
    doc.submitOp(add(1), says('op'));
    await backSlowly();
  });

  contract('a query continues', async ({connection, recording, doc, remoteDoc, away, back, says, calm}) => {
    const one = await remoteDoc({color: 'red', n: 1}, undefined, 'one');
    doc('one');
    doc('two');
    recording.query(connection.createSubscribeQuery('notes', {filter: {color: 'red'}}, null, says('query')));
    await calm();
    await away();
    one.submitOp(add(1));
    await remoteDoc({color: 'red', n: 2}, undefined, 'two');
    await calm();
    await back();
    one.submitOp(add(1));
    await calm();
  });

  contract('a query requested without a network is answered later', async ({connection, recording, doc, remoteDoc, away, back, says, calm}) => {
    await remoteDoc({n: 1});
    doc();
    await away();
    recording.query(connection.createSubscribeQuery('notes', {}, null, says('subscribed')));
    recording.query(connection.createFetchQuery('notes', {}, null, says('fetched')));
    connection.fetchSnapshot('notes', 'one', null, says('snapshot'));
    connection.whenNothingPending(says('nothing pending'));
    await calm();
    await back();
  });

  contract('presences are restored', async ({connection, remote, recording, away, back, says, noteElsewhere, calm}) => {
    const here = recording.presence(connection.getPresence('room'));
    const there = remote.getPresence('room');
    there.on('receive', (id, value) => noteElsewhere(id, value));
    here.subscribe();
    there.subscribe();
    await calm();
    here.create('mine').submit({at: 1}, says('submit'));
    await calm();
    there.create('theirs').submit({at: 1});
    await calm();
    await away();
    // ShareDB calls back a tick after the acknowledgement, so the rest of the same batch has arrived before.
    let submitted: unknown = 'never';
    here.localPresences['mine']!.submit({at: 2}, error => { submitted = error; });
    there.localPresences['theirs']!.submit({at: 2});
    await calm();
    await back();
    await calm();
    says('submit without a network')(submitted as Error);
  });

  contract('a presence subscribed to without a network is shown later', async ({connection, remote, recording, away, back, says, calm}) => {
    const here = recording.presence(connection.getPresence('room'));
    remote.getPresence('room').create('theirs').submit({at: 1});
    await away();
    here.subscribe(says('subscribe'));
    await calm();
    await back();
  });
});
