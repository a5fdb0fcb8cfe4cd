import {contract} from './contract.js';
import type {ContractStage} from './stage.js';

/** Versions 1 to 4: created, changed, deleted and created again, a minute apart, from the year 2000 on. */
async function history({remoteDoc, calm}: ContractStage): Promise<void> {
  const {now} = Date;
  let minute = 1;
  Date.now = () => time(minute);
  try {
    const remote = await remoteDoc({n: 1});
    const steps = [() => remote.submitOp([{p: ['n'], na: 1}]), () => remote.del(), () => remote.create([{insert: 'a'}], 'rich-text')];
    for (const step of steps) {
      minute++;
      step();
      await calm();
    }
  } finally {
    Date.now = now;
  }
}

const time = (minute: number): number => Date.UTC(2000, 0, 1, 0, minute);

describe('contract: snapshots', () => {
  for (const version of [null, 0, 1, 2, 3, 4, 5]) {
    contract(`the snapshot of version ${version}`, async stage => {
      await history(stage);
      stage.connection.fetchSnapshot('notes', 'one', version, stage.says('snapshot'));
      stage.note('after the call', stage.connection.hasPending());
      await stage.calm();
    });
  }

  for (const minute of [null, 0, 1, 1.5, 2, 3, 4, 5]) {
    contract(`the snapshot as of minute ${minute}`, async stage => {
      await history(stage);
      stage.connection.fetchSnapshotByTimestamp('notes', 'one', minute && time(minute), stage.says('snapshot'));
      await stage.calm();
    });
  }

  contract('the newest snapshot is the one without a version', async ({connection, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    (connection.fetchSnapshot as (...args: unknown[]) => void)('notes', 'one', says('snapshot'));
    (connection.fetchSnapshotByTimestamp as (...args: unknown[]) => void)('notes', 'one', says('snapshot by time'));
    await calm();
  });

  contract('a snapshot of a missing document', async ({connection, says, calm}) => {
    connection.fetchSnapshot('notes', 'none', null, says('snapshot'));
    connection.fetchSnapshotByTimestamp('notes', 'none', null, says('snapshot by time'));
    await calm();
  });

  contract('invalid versions and times throw', ({connection, note, says}) => {
    for (const value of [-1, 1.5, 'one' as never, true as never]) {
      for (const method of ['fetchSnapshot', 'fetchSnapshotByTimestamp'] as const) {
        try {
          connection[method]('notes', 'one', value, says('snapshot'));
        } catch (error) {
          note(method, value, 'thrown', error);
        }
      }
    }
  });

  contract('a snapshot that the server refuses', async ({connection, remoteDoc, refuse, says, calm}) => {
    await remoteDoc({n: 1});
    refuse('readSnapshots', {code: 'ERR_NO', message: 'The app says no'});
    connection.fetchSnapshot('notes', 'one', 1, says('snapshot'));
    await calm();
  });

  contract('a snapshot is not a document', async ({connection, followed, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp([{p: ['n'], na: 1}]);
    await calm();
    connection.fetchSnapshot('notes', 'one', 1, says('snapshot'));
    connection.whenNothingPending(says('nothing pending'));
    await calm();
    note('known', connection.getExisting('notes', 'one') === doc);
  });

  contract('a snapshot has the server\'s metadata', async ({connection, remoteDoc, use, says, calm}) => {
    await remoteDoc({n: 1});
    use('readSnapshots', (context, next) => {
      context['snapshots'][0].m = {owner: 'me'};
      next();
    });
    connection.fetchSnapshot('notes', 'one', null, says('snapshot'));
    await calm();
  });
});
