import {contract} from './contract.js';
import type {ContractStage} from './stage.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];
const NO = {code: 'ERR_NO', message: 'The app says no'};
/** The error with which middleware rejects an op silently. */
const SILENT = {code: 'ERR_OP_SUBMIT_REJECTED', message: 'Op submit rejected'};

const isOp = ({op}: {op: {op?: unknown}}): boolean => !!op.op;
const firstOnly = (): () => boolean => {
  let seen = 0;
  return () => ++seen === 1;
};

/** Types differ in what happens to other ops when one is rejected. */
const EDITS: Record<string, {start: unknown; ops: unknown[]; remote: unknown}> = {
  'json0': {start: {n: 1, text: ''}, ops: [add(1), add(2), [{p: ['text', 0], si: 'a'}]], remote: add(100)},
  'rich-text': {start: [{insert: 'ab'}], ops: [[{insert: 'X'}], [{insert: 'Y'}], [{insert: 'Z'}]], remote: [{retain: 2}, {insert: '!'}]},
  'json1': {start: {list: ['a']}, ops: [['list', 0, {i: 'X'}], ['list', 0, {i: 'Y'}], ['list', 0, {i: 'Z'}]], remote: ['list', 1, {i: '!'}]},
  'presence-test-type': {
    start: 'ab', ops: [{index: 0, value: 'X'}, {index: 0, value: 'Y'}, {index: 0, value: 'Z'}], remote: {index: 0, value: '!'}
  }
};

describe('contract: failures', () => {
  contract('a rejected create with an op that nobody waits for', async ({doc, refuse, says, calm}) => {
    refuse('submit', NO);
    doc().create({n: 1}, says('create'));
    doc().submitOp(add(1));
    await calm();
  });

  contract('an op of two calls that can\'t be kept, with later ops', async ({followed, refuse, hold, release, says, calm}) => {
    const {doc} = await followed('ab', 'presence-test-type');
    const {arrived} = hold();
    refuse('submit', NO, firstOnly());
    doc.submitOp({index: 0, value: 'X'}, says('first'));
    await arrived;
    doc.submitOp({index: 0, value: 'Y'}, says('second'));
    doc.submitOp({index: 0, value: 'Z'});
    await calm();
    release();
    await calm();
  });

  for (const [type, {start, ops, remote: remoteOp}] of Object.entries(EDITS)) {
    for (const [what, error] of [['rejected', NO], ['silently rejected', SILENT]] as const) {
      contract(`a ${what} op is rolled back: ${type}`, async ({followed, refuse, says, calm}) => {
        const {doc} = await followed(start, type);
        refuse('submit', error, isOp);
        doc.submitOp(ops[0], says('op'));
        await calm();
      });

      contract(`a ${what} op without a callback: ${type}`, async ({followed, refuse, calm}) => {
        const {doc} = await followed(start, type);
        refuse('submit', error, isOp);
        doc.submitOp(ops[0]);
        await calm();
      });

      for (const [whose, heard] of [['the first', [0]], ['the last', [1]], ['neither', []]] as const) {
        contract(`a ${what} op of two calls, of which ${whose} has a callback: ${type}`, async ({followed, refuse, says, calm}) => {
          const {doc} = await followed(start, type);
          refuse('submit', error, isOp);
          for (const i of [0, 1]) doc.submitOp(ops[i], heard.includes(i as never) ? says(`op ${i}`) : undefined);
          await calm();
        });
      }

      contract(`a ${what} op with later ops: ${type}`, async ({followed, refuse, hold, release, says, calm}) => {
        const {doc, remote} = await followed(start, type);
        const {arrived} = hold();
        refuse('submit', error, firstOnly());
        doc.submitOp(ops[0], says('op'));
        await arrived;
        remote.submitOp(remoteOp);
        await calm();
        doc.preventCompose = true;
        doc.submitOp(ops[1], says('op behind'));
        doc.submitOp(ops[2]);
        await calm();
        release();
        await calm();
      });

      contract(`a ${what} op, and an op in its callback: ${type}`, async ({followed, refuse, says, calm}) => {
        const {doc} = await followed(start, type);
        refuse('submit', error, firstOnly());
        doc.submitOp(ops[0], failure => {
          says('op')(failure);
          doc.submitOp(ops[1], says('op of the callback'));
        });
        await calm();
      });

      contract(`a ${what} op of a document that was only fetched: ${type}`, async ({doc, remoteDoc, refuse, says, calm}) => {
        await remoteDoc(start, type);
        doc().fetch();
        await calm();
        refuse('submit', error, isOp);
        doc().submitOp(ops[0], says('op'));
        await calm();
      });
    }

    contract(`an op that the server can't write is rolled back: ${type}`, async ({followed, refuse, says, calm}) => {
      const {doc} = await followed(start, type);
      refuse('commit', NO, isOp);
      doc.submitOp(ops[0], says('op'));
      await calm();
      doc.unsubscribe();
    });
  }

  for (const callbacks of ['with', 'without']) {
    const maybe = ({says}: ContractStage, label: string): {callback?: (...args: unknown[]) => void} =>
      (callbacks === 'with' ? {callback: says(label)} : {});

    contract(`a rejected create ${callbacks} a callback`, async stage => {
      stage.refuse('submit', NO);
      stage.doc().create({n: 1}, maybe(stage, 'create').callback);
      await stage.calm();
      stage.doc().create({n: 2}, maybe(stage, 'create again').callback);
      await stage.calm();
    });

    contract(`a silently rejected create ${callbacks} a callback`, async stage => {
      stage.refuse('submit', SILENT);
      stage.doc().create({n: 1}, maybe(stage, 'create').callback);
      await stage.calm();
    });

    contract(`a rejected create with later ops ${callbacks} a callback`, async stage => {
      const {arrived} = stage.hold();
      stage.refuse('submit', NO);
      stage.doc().create({n: 1}, maybe(stage, 'create').callback);
      await arrived;
      stage.doc().submitOp(add(1), maybe(stage, 'op behind').callback);
      stage.release();
      await stage.calm();
    });

    contract(`a rejected deletion ${callbacks} a callback`, async stage => {
      const {doc, remote} = await stage.followed({n: 1});
      stage.refuse('submit', NO);
      doc.del(maybe(stage, 'del').callback);
      await stage.calm();
      remote.submitOp(add(1));
    });

    contract(`a fetch that the server refuses ${callbacks} a callback`, async stage => {
      await stage.remoteDoc({n: 1});
      stage.refuse('readSnapshots', NO);
      stage.doc().fetch(maybe(stage, 'fetch').callback);
      await stage.calm();
      stage.doc().fetch(maybe(stage, 'fetch again').callback);
      await stage.calm();
    });

    contract(`a subscription that the server refuses ${callbacks} a callback`, async stage => {
      const remote = await stage.remoteDoc({n: 1});
      stage.refuse('readSnapshots', NO);
      stage.doc().subscribe(maybe(stage, 'subscribe').callback);
      await stage.calm();
      remote.submitOp(add(1));
      await stage.calm();
    });

    contract(`a snapshot that the server refuses ${callbacks} a callback`, async stage => {
      await stage.remoteDoc({n: 1});
      stage.use('readSnapshots', (context, next) => {
        context['rejectSnapshotReadSilent'](context['snapshots'][0], 'not for you');
        next();
      });
      stage.doc().fetch(maybe(stage, 'fetch').callback);
      await stage.calm();
      stage.doc().subscribe(maybe(stage, 'subscribe').callback);
      await stage.calm();
    });

    contract(`an op that its type can't apply ${callbacks} a callback`, async stage => {
      const {doc, remote} = await stage.followed({n: 1});
      doc.submitOp([{p: ['no', 'such', 'place'], oi: 1}], maybe(stage, 'op').callback);
      stage.note('after the call');
      await stage.calm();
      remote.submitOp(add(1));
    });

    contract(`an op that its type can't apply removes the other ops of its turn ${callbacks} a callback`, async stage => {
      const {doc} = await stage.followed({n: 1});
      doc.preventCompose = true;
      doc.submitOp(add(2), maybe(stage, 'op before').callback);
      doc.submitOp([{p: ['no', 'such', 'place'], oi: 1}], maybe(stage, 'impossible').callback);
      await stage.calm();
    });

    contract(`badly formed ops ${callbacks} a callback`, async stage => {
      const {doc} = await stage.followed({n: 1});
      for (const op of ['text', [{p: 'n', na: 1}], [{}], {p: ['n'], na: 1}, [{p: ['__proto__', 'x'], oi: 1}], null]) {
        try {
          doc.submitOp(op, maybe(stage, `op ${JSON.stringify(op)}`).callback);
        } catch (error) {
          stage.note('thrown', (error as Error).message);
        }
        await stage.calm();
      }
    });

    contract(`badly formed rich-text ops ${callbacks} a callback`, async stage => {
      const {doc} = await stage.followed([{insert: 'ab'}], 'rich-text');
      for (const op of ['text', [{unheard: 1}], [{retain: -1}], 5]) {
        try {
          doc.submitOp(op, maybe(stage, `op ${JSON.stringify(op)}`).callback);
        } catch (error) {
          stage.note('thrown', (error as Error).message);
        }
        await stage.calm();
      }
    });

    contract(`a deletion by others while an op is in flight ${callbacks} a callback`, async stage => {
      const {doc, remote} = await stage.followed({n: 1});
      const {arrived} = stage.hold();
      doc.submitOp(add(1), maybe(stage, 'op').callback);
      await arrived;
      doc.submitOp(add(2), maybe(stage, 'op behind').callback);
      remote.del();
      await stage.calm();
      stage.release();
      await stage.calm();
    });

    contract(`a deletion and new creation by others while an op is in flight ${callbacks} a callback`, async stage => {
      const {doc, remote} = await stage.followed({n: 1});
      const {arrived} = stage.hold();
      doc.submitOp(add(1), maybe(stage, 'op').callback);
      await arrived;
      remote.del();
      remote.create({n: 50});
      await stage.calm();
      stage.release();
      await stage.calm();
      doc.submitOp(add(1), maybe(stage, 'op after').callback);
    });

    contract(`a create by others while an own create is in flight ${callbacks} a callback`, async stage => {
      stage.doc().subscribe();
      await stage.calm();
      const {arrived} = stage.hold();
      stage.doc().create({n: 1}, maybe(stage, 'create').callback);
      await arrived;
      await stage.remoteDoc({n: 50});
      await stage.calm();
      stage.release();
      await stage.calm();
    });

    contract(`a deletion by two clients at once ${callbacks} a callback`, async stage => {
      const {doc, remote} = await stage.followed({n: 1});
      const {arrived} = stage.hold();
      doc.del(maybe(stage, 'del').callback);
      await arrived;
      doc.create({n: 2}, maybe(stage, 'create').callback);
      remote.del();
      await stage.calm();
      stage.release();
      await stage.calm();
    });

    contract(`a query that the server refuses ${callbacks} a callback`, async stage => {
      stage.refuse('query', NO);
      const {callback} = maybe(stage, 'query');
      stage.recording.query(stage.connection.createFetchQuery('notes', {}, null, callback));
      await stage.calm();
      stage.recording.query(stage.connection.createSubscribeQuery('notes', {}, null, callback));
      await stage.calm();
    });
  }

  contract('a rejected create with a later op, and another create in its callback', async ({doc, hold, release, refuse, says, calm}) => {
    const {arrived} = hold();
    refuse('submit', NO, firstOnly());
    doc().create({n: 1}, error => {
      says('create')(error);
      doc().create({n: 2}, says('create again'));
    });
    await arrived;
    doc().submitOp(add(1), says('op behind'));
    release();
    await calm();
  });

  contract('a rejected op with a later op, and another op in its callback: rich-text', async ({followed, hold, release, refuse, says, calm}) => {
    const {doc} = await followed([{insert: 'ab'}], 'rich-text');
    const {arrived} = hold();
    refuse('submit', NO, firstOnly());
    doc.submitOp([{insert: 'X'}], error => {
      says('op')(error);
      doc.submitOp([{insert: 'Z'}], says('op of the callback'));
    });
    await arrived;
    doc.submitOp([{insert: 'Y'}], says('op behind'));
    release();
    await calm();
  });

  contract('a hard rollback whose fetch fails leaves the document empty', async ({followed, refuse, says, calm}) => {
    const {doc} = await followed([{insert: 'ab'}], 'rich-text');
    refuse('submit', NO);
    refuse('readSnapshots', {code: 'ERR_HIDDEN', message: 'Not for you'});
    doc.submitOp([{insert: 'X'}], says('op'));
    await calm();
  });

  contract('ops during a hard rollback are refused', async ({followed, refuse, hold, release, says, calm}) => {
    const {doc} = await followed([{insert: 'ab'}], 'rich-text');
    refuse('submit', NO);
    const {arrived} = hold('readSnapshots');
    doc.submitOp([{insert: 'X'}], says('op'));
    await arrived;
    doc.submitOp([{insert: 'Y'}], says('op meanwhile'));
    doc.del(says('del meanwhile'));
    doc.submitOp([{insert: 'Z'}]);
    release();
    await calm();
  });

  contract('an error thrown by a listener is an error of the connection', async ({followed, connection, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.once('op', () => { throw new Error('a mistake of the app'); });
    remote.submitOp(add(1));
    await calm();
    remote.submitOp(add(1));
    connection.ping();
    await calm();
  });

  contract('an error thrown by a callback is an error of the connection', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), () => { throw new Error('a mistake of the app'); });
    await calm();
    doc.submitOp(add(1), says('next'));
    await calm();
  });

  contract('a callback that throws does not prevent the other callbacks of its op', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), () => { throw new Error('a mistake of the app'); });
    doc.submitOp(add(1), says('second of the same op'));
    await calm();
  });
});
