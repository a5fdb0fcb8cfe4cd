import {contract} from './contract.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];

describe('contract: the connection', () => {
  contract('a connection connects', async ({connection, recording, note, calm}) => {
    note(connection.state, connection.canSend);
    recording.states(connection);
    await calm();
    note(connection.state, connection.canSend);
  }, {unconnected: true});

  contract('a document created before it is connected is sent then', async ({connection, doc, says, note, calm}) => {
    doc().create({n: 1}, says('create'));
    doc().submitOp(add(1), says('op'));
    connection.whenNothingPending(says('nothing pending'));
    note('after the calls', connection.hasPending(), connection.hasWritePending());
    await calm();
  }, {unconnected: true});

  for (const action of ['subscribe', 'fetch', 'unsubscribe'] as const) {
    contract(`${action} before it is connected is done then`, async ({connection, doc, says, note, calm}) => {
      doc()[action](says(action));
      connection.whenNothingPending(says('nothing pending'));
      note('after the calls', connection.hasPending(), connection.hasWritePending());
      await calm();
    }, {unconnected: true});
  }

  contract('queries, snapshots and presence before it is connected are requested then', async ({connection, says, note, calm}) => {
    connection.createFetchQuery('notes', {}, null, says('query'));
    await calm();
    connection.fetchSnapshot('notes', 'one', null, says('snapshot'));
    await calm();
    connection.getPresence('room').subscribe(says('presence'));
    note('after the calls', connection.hasPending());
    await calm();
  }, {unconnected: true});

  contract('a ping is answered', async ({connection, note, calm}) => {
    connection.on('pong', () => note('pong'));
    connection.ping();
    note('after the call');
    await calm();
    connection.ping();
    connection.ping();
    await calm();
  });

  contract('a ping without a network throws', async ({connection, away, note}) => {
    await away();
    try {
      connection.ping();
    } catch (error) {
      note('thrown', error);
    }
  });

  contract('the states when the network is lost and restored', async ({connection, recording, away, back}) => {
    recording.states(connection);
    await away();
    await back();
    await away();
    await back();
  });

  contract('a closed connection is closed', async ({connection, followed, recording, note, calm}) => {
    const {doc, remote} = await followed({n: 1});
    recording.states(connection);
    connection.close();
    note('after the call', connection.state);
    remote.submitOp(add(1));
    // Without a callback: ShareDB never calls one, and this library calls it with ERR_TABS_CLOSED (test/node/closing.test.ts).
    doc.submitOp(add(1));
    await calm();
    connection.close();
    await calm();
  });

  contract('nothing is pending on a new connection', async ({connection, says, note, calm}) => {
    note(connection.hasPending(), connection.hasWritePending());
    connection.whenNothingPending(says('nothing pending'));
    note('after the call');
    await calm();
  });

  contract('a bulk subscription calls back for all documents', async ({connection, doc, remoteDoc, says, note, calm}) => {
    for (const id of ['one', 'two']) await remoteDoc({id}, undefined, id);
    connection.startBulk();
    for (const id of ['one', 'two', 'none']) doc(id).subscribe(says(`subscribe ${id}`));
    note('before the end');
    connection.endBulk();
    await calm();
    const remote = await remoteDoc({n: 1}, undefined, 'none');
    remote.submitOp(add(1));
    await calm();
  });

  contract('a bulk fetch and a bulk unsubscription call back for all documents', async ({connection, doc, remoteDoc, says, calm}) => {
    for (const id of ['one', 'two']) await remoteDoc({id}, undefined, id);
    connection.startBulk();
    for (const id of ['one', 'two']) doc(id).fetch(says(`fetch ${id}`));
    doc('three').subscribe(says('subscribe three'));
    connection.endBulk();
    await calm();
    connection.startBulk();
    for (const id of ['one', 'two', 'three']) doc(id).unsubscribe(says(`unsubscribe ${id}`));
    connection.endBulk();
    await calm();
  });

  contract('one document of a bulk that the server refuses', async ({connection, doc, remoteDoc, use, says, calm}) => {
    for (const id of ['one', 'two']) await remoteDoc({id}, undefined, id);
    use('readSnapshots', (context, next) => {
      for (const snapshot of context['snapshots']) {
        if (snapshot.id === 'one') context['rejectSnapshotRead'](snapshot, Object.assign(new Error('no'), {code: 'ERR_NO'}));
      }
      next();
    });
    connection.startBulk();
    for (const id of ['one', 'two']) doc(id).subscribe(says(`subscribe ${id}`));
    connection.endBulk();
    await calm();
  });

  contract('a bulk that the server refuses', async ({connection, doc, refuse, says, calm}) => {
    refuse('readSnapshots', {code: 'ERR_NO', message: 'The app says no'});
    connection.startBulk();
    for (const id of ['one', 'two']) doc(id).subscribe(says(`subscribe ${id}`));
    connection.endBulk();
    await calm();
  });

  contract('getExisting returns the document of get', ({connection, note}) => {
    note(connection.getExisting('notes', 'one'));
    connection.get('notes', 'one');
    note(connection.getExisting('notes', 'one'), connection.getExisting('others', 'one'));
  });
});
