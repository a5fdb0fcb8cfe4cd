import {contract} from './contract.js';
import type {Doc} from './recording.js';
import type {ContractStage} from './stage.js';

const TEXT = 'presence-test-type';

/** Both clients in one channel; the recorded one has the presence `mine`. */
async function room(stage: ContractStage): Promise<ReturnType<typeof participants>> {
  const both = participants(stage);
  both.here.subscribe(stage.says('subscribe'));
  both.there.subscribe();
  await stage.calm();
  return both;
}

function participants({connection, remote, recording, noteElsewhere}: ContractStage) {
  const here = recording.presence(connection.getPresence('room'));
  const there = remote.getPresence('room');
  there.on('receive', (id, value) => noteElsewhere(id, value));
  return {here, there};
}

/** Both clients follow a text and each other's positions in it. */
async function text(stage: ContractStage) {
  const {doc, remote} = await stage.followed('abcd', TEXT);
  const here = stage.recording.presence(stage.connection.getDocPresence('notes', 'one'));
  const there = stage.remote.getDocPresence('notes', 'one');
  there.on('receive', (id, value) => stage.noteElsewhere(id, value));
  there.on('error', error => stage.noteElsewhere(error));
  here.subscribe();
  there.subscribe();
  await stage.calm();
  const mine = here.create('mine');
  mine.on('error', error => stage.note('mine error', error));
  return {doc, remote: remote as Doc, here, there, mine, theirs: there.create('theirs')};
}

describe('contract: presence', () => {
  contract('a presence is seen by others', async stage => {
    const {here} = await room(stage);
    const mine = here.create('mine');
    mine.submit({at: 1}, stage.says('submit'));
    stage.note('after the call', mine.value, mine.presenceId);
    await stage.calm();
    mine.submit({at: 2}, stage.says('submit'));
    await stage.calm();
  });

  contract('presences of others are seen', async stage => {
    const {here, there} = await room(stage);
    const theirs = there.create('theirs');
    theirs.submit({at: 1});
    await stage.calm();
    theirs.submit({at: 2});
    await stage.calm();
    stage.note('known', here.remotePresences);
  });

  contract('a presence of null is withdrawn', async stage => {
    const {here, there} = await room(stage);
    const [mine, theirs] = [here.create('mine'), there.create('theirs')];
    mine.submit({at: 1});
    theirs.submit({at: 1});
    await stage.calm();
    mine.submit(null, stage.says('submit null'));
    await stage.calm();
    theirs.submit(null);
    await stage.calm();
  });

  contract('a destroyed presence is withdrawn', async stage => {
    const {here} = await room(stage);
    const mine = here.create('mine');
    mine.submit({at: 1});
    await stage.calm();
    mine.destroy(stage.says('destroy'));
    await stage.calm();
    stage.note('own', Object.keys(here.localPresences));
  });

  contract('a later subscriber sees the present values', async stage => {
    const {here, there} = participants(stage);
    there.create('theirs').submit({at: 1});
    here.create('mine').submit({at: 1}, stage.says('submit'));
    await stage.calm();
    here.subscribe(stage.says('subscribe'));
    await stage.calm();
    there.subscribe();
    await stage.calm();
  });

  contract('a client without a subscription can show its presence', async stage => {
    const {here, there} = participants(stage);
    there.subscribe();
    await stage.calm();
    here.create('mine').submit({at: 1}, stage.says('submit'));
    await stage.calm();
    there.create('theirs').submit({at: 1});
    await stage.calm();
  });

  contract('an unsubscribed client sees no more values', async stage => {
    const {here, there} = await room(stage);
    const theirs = there.create('theirs');
    theirs.submit({at: 1});
    await stage.calm();
    here.unsubscribe(stage.says('unsubscribe'));
    await stage.calm();
    theirs.submit({at: 2});
    await stage.calm();
    // Without a callback: here it is called when the presences have arrived, and on a direct connection just before.
    here.subscribe();
    await stage.calm();
  });

  contract('a second subscription calls back', async stage => {
    const {here} = participants(stage);
    here.subscribe(stage.says('first'));
    here.subscribe(stage.says('second'));
    await stage.calm();
    here.subscribe(stage.says('third'));
    here.unsubscribe(stage.says('unsubscribe'));
    here.subscribe(stage.says('again'));
    await stage.calm();
    stage.note('subscribed', here.subscribed, here.wantSubscribe);
  });

  contract('a destroyed channel is left', async stage => {
    const {here, there} = await room(stage);
    here.create('mine').submit({at: 1});
    there.create('theirs').submit({at: 1});
    await stage.calm();
    here.destroy(stage.says('destroy'));
    await stage.calm();
    stage.note('another', stage.connection.getPresence('room') === here);
  });

  contract('the presence of a client that leaves is removed', async stage => {
    const {there} = await room(stage);
    there.create('theirs').submit({at: 1});
    await stage.calm();
    stage.remote.close();
    await stage.calm();
  });

  contract('one client can have several presences', async stage => {
    const {here} = await room(stage);
    for (const id of ['left', 'right']) here.create(id).submit({id}, stage.says(id));
    await stage.calm();
    here.localPresences['left']!.destroy();
    await stage.calm();
  });

  contract('invalid presences throw', ({connection, note}) => {
    for (const make of [() => connection.getPresence(''), () => connection.getPresence(5 as never),
      () => connection.getPresence('room').create(5 as never)]) {
      try {
        make();
      } catch (error) {
        note('thrown', error);
      }
    }
  });

  contract('a server without presence refuses it', async stage => {
    const here = stage.recording.presence(stage.connection.getPresence('room'));
    here.subscribe(stage.says('subscribe'));
    here.create('mine').submit({at: 1}, stage.says('submit'));
    await stage.calm();
  }, {backend: {presence: false}});

  contract('a presence that the server refuses', async stage => {
    const {here} = await room(stage);
    stage.refuse('receivePresence', {code: 'ERR_NO', message: 'The app says no'});
    const mine = here.create('mine');
    mine.on('error', error => stage.note('mine error', error));
    mine.submit({at: 1}, stage.says('submit'));
    await stage.calm();
    mine.submit({at: 2});
    await stage.calm();
  });

  contract('a position in a text is seen by others', async stage => {
    const {mine, theirs} = await text(stage);
    mine.submit({index: 1}, stage.says('submit'));
    await stage.calm();
    theirs.submit({index: 2});
    await stage.calm();
  });

  contract('positions in a text are transformed by ops of others', async stage => {
    const {remote, mine, theirs} = await text(stage);
    mine.submit({index: 1});
    theirs.submit({index: 2});
    await stage.calm();
    remote.submitOp({index: 0, value: '>>'});
    await stage.calm();
    stage.note('mine', mine.value);
  });

  contract('positions in a text are transformed by own ops', async stage => {
    const {doc, mine, theirs} = await text(stage);
    mine.submit({index: 1});
    theirs.submit({index: 2});
    await stage.calm();
    doc.submitOp({index: 0, value: '>>'}, stage.says('op'));
    await stage.calm();
    stage.note('mine', mine.value);
  });

  contract('a position that is submitted with an op is seen after the op', async stage => {
    const {doc, mine} = await text(stage);
    doc.submitOp({index: 0, value: '>>'}, stage.says('op'));
    mine.submit({index: 3}, stage.says('submit'));
    await stage.calm();
  });

  contract('a position in a text is removed with the text', async stage => {
    const {remote, mine, theirs} = await text(stage);
    mine.submit({index: 1});
    theirs.submit({index: 2});
    await stage.calm();
    remote.del();
    await stage.calm();
    stage.note('mine', mine.value);
    remote.create('new', TEXT);
    await stage.calm();
  });

  contract('a position in a missing document is refused', async stage => {
    const here = stage.recording.presence(stage.connection.getDocPresence('notes', 'none'));
    here.subscribe(stage.says('subscribe'));
    here.create('mine').submit({index: 1}, stage.says('submit'));
    here.create('null').submit(null, stage.says('submit null'));
    await stage.calm();
  });

  contract('a document whose type does not support presence refuses it', async stage => {
    await stage.followed({n: 1});
    const here = stage.recording.presence(stage.connection.getDocPresence('notes', 'one'));
    here.subscribe();
    const mine = here.create('mine');
    mine.on('error', error => stage.note('mine error', error));
    mine.submit({index: 1}, stage.says('submit'));
    await stage.calm();
    mine.submit({index: 2});
    await stage.calm();
  });

  contract('a position that its type can\'t transform is an error', async stage => {
    const {doc, mine} = await text(stage);
    mine.submit({index: 'nowhere'} as never);
    await stage.calm();
    doc.submitOp({index: 0, value: '>>'}, stage.says('op'));
    await stage.calm();
  });

  contract('a position in rich text is transformed', async stage => {
    const {doc, remote} = await stage.followed([{insert: 'abcd'}], 'rich-text');
    const here = stage.recording.presence(stage.connection.getDocPresence('notes', 'one'));
    const there = stage.remote.getDocPresence('notes', 'one');
    here.subscribe();
    await stage.calm();
    there.create('theirs').submit({index: 2, length: 1});
    await stage.calm();
    doc.submitOp([{insert: '>'}]);
    await stage.calm();
    remote.submitOp([{insert: '>'}]);
    await stage.calm();
  });
});
