import {contract} from './contract.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];
const insert = (at: number, text: string): object[] => [{p: ['text', at], si: text}];

describe('contract: ops', () => {
  contract('an op shows at once, and is called back when the server has it', async ({followed, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), says('op'));
    note('after the call');
    await calm();
  });

  contract('an op has the source that it was submitted with', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), {source: 'here'}, says('string'));
    doc.submitOp(add(1), {source: {deep: true}}, says('object'));
    doc.submitOp(add(1), {}, says('none'));
    doc.submitOp(add(1), null, says('null'));
    await calm();
  });

  contract('the server receives the source with submitSource', async ({followed, use, says, note, calm}) => {
    const sources: unknown[] = [];
    const {doc} = await followed({n: 1});
    use('submit', (context, next) => next(void sources.push(context['extra'])));
    doc.submitOp(add(1), {source: 'untold'}, says('untold'));
    await calm();
    doc.submitSource = true;
    doc.submitOp(add(1), {source: 'here'}, says('told'));
    doc.submitOp(add(1), {source: 'here'}, says('told with the last'));
    doc.submitOp(add(1), {source: 'there'}, says('told apart'));
    doc.submitOp(add(1), says('without'));
    await calm();
    note('the server heard', sources);
  });

  contract('ops of one turn are one op for the server', async ({followed, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    for (const n of [1, 2, 3]) doc.submitOp(add(n), says(`op ${n}`));
    note('after the calls');
    await calm();
  });

  contract('ops with preventCompose stay separate', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), says('op 1'));
    doc.preventCompose = true;
    doc.submitOp(add(2), says('op 2'));
    doc.preventCompose = false;
    doc.submitOp(add(3), says('op 3'));
    await calm();
  });

  contract('ops submitted while the server is slow are composed behind the first', async ({followed, hold, release, says, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold();
    doc.submitOp(add(1), says('op 1'));
    await arrived;
    doc.submitOp(add(2), says('op 2'));
    doc.submitOp(add(3), says('op 3'));
    await calm();
    doc.submitOp(add(4), says('op 4'));
    await calm();
    release();
    await calm();
  });

  contract('a remote op and an op in flight are transformed against each other', async ({followed, hold, release, says, calm}) => {
    const {doc, remote} = await followed({text: 'ab'});
    const {arrived} = hold();
    doc.submitOp(insert(1, 'X'), says('op'));
    await arrived;
    doc.submitOp(insert(3, 'Y'), says('op behind'));
    remote.submitOp(insert(0, '--'));
    remote.submitOp(insert(4, '++'));
    await calm();
    release();
    await calm();
  });

  contract('a remote op of many components shows them one by one', async ({followed, calm}) => {
    const {remote} = await followed({text: '', n: 1});
    remote.submitOp([...add(1), ...insert(0, 'a'), ...add(1)]);
    await calm();
  });

  contract('an op of many components of the client\'s own shows at once', async ({followed, says, calm}) => {
    const {doc} = await followed({text: '', n: 1});
    doc.submitOp([...add(1), ...insert(0, 'a'), ...add(1)], says('op'));
    await calm();
  });

  contract('an op submitted in the handler of an own op follows it', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.once('op', () => doc.submitOp(add(10), says('inner')));
    doc.submitOp(add(1), says('outer'));
    await calm();
  });

  contract('an op submitted in the handler of a remote op follows it', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.once('op', () => doc.submitOp(add(10), {source: 'echo'}, says('inner')));
    remote.submitOp(add(1));
    await calm();
  });

  for (const event of ['before op batch', 'before op', 'op', 'op batch'] as const) {
    contract(`ops submitted in '${event}' of a remote op of many components are transformed over the rest`, async ({followed, says, calm}) => {
      const {doc, remote} = await followed({text: 'abc'});
      doc.once(event, () => {
        doc.submitOp(insert(1, 'X'), says('inner'));
        doc.submitOp(insert(0, 'Y'), says('inner too'));
      });
      remote.submitOp([...insert(3, '1'), ...insert(0, '2'), ...insert(2, '3')]);
      await calm();
    });
  }

  contract('an op submitted in every handler of a remote op ends', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({text: 'abc'});
    doc.on('op', (_op, source) => { if (!source) doc.submitOp(insert(0, '>'), says('inner')); });
    remote.submitOp([...insert(3, '1'), ...insert(0, '2')]);
    await calm();
  });

  contract('an op submitted in a callback follows', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1), error => {
      says('outer')(error);
      doc.submitOp(add(10), says('inner'));
    });
    await calm();
  });

  contract('ops can be submitted as soon as a document is loaded or created', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1}, undefined, 'loaded');
    doc('loaded').once('load', () => doc('loaded').submitOp(add(1), says('in load')));
    doc('loaded').subscribe(says('subscribe'));
    doc('made').once('create', () => doc('made').submitOp(add(1), says('in create')));
    doc('made').create({n: 1}, says('create'));
    await calm();
  });

  contract('a document is created again in the handler of its deletion', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({n: 1});
    doc.once('del', () => doc.create({n: 5}, says('create')));
    remote.del();
    await calm();
  });

  contract('a paused document keeps its ops', async ({followed, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.pause();
    doc.submitOp(add(1), says('op 1'));
    await calm();
    doc.submitOp(add(2), says('op 2'));
    await calm();
    note('resuming');
    doc.resume();
    await calm();
  });

  contract('a paused document receives ops of others', async ({followed, says, calm}) => {
    const {doc, remote} = await followed({text: 'a'});
    doc.pause();
    doc.submitOp(insert(1, 'X'), says('op'));
    remote.submitOp(insert(0, '>'));
    await calm();
    doc.resume();
    await calm();
  });

  contract('a pause does not affect the op in flight', async ({followed, hold, release, says, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold();
    doc.submitOp(add(1), says('op 1'));
    await arrived;
    doc.pause();
    doc.submitOp(add(2), says('op 2'));
    release();
    await calm();
    doc.resume();
    await calm();
  });

  contract('a callback that pauses stops the next op', async ({followed, hold, release, says, calm}) => {
    const {doc} = await followed({n: 1});
    const {arrived} = hold();
    doc.pause();
    doc.submitOp(add(1), error => {
      says('op 1')(error);
      doc.pause();
    });
    doc.resume();
    await arrived;
    doc.submitOp(add(2), says('op 2'));
    release();
    await calm();
    doc.resume();
    await calm();
  });

  contract('whenNothingPending waits for the ops', async ({followed, connection, hold, release, says, note, calm}) => {
    const {doc} = await followed({n: 1});
    doc.whenNothingPending(says('nothing pending yet'));
    await calm();
    const {arrived} = hold();
    doc.submitOp(add(1), says('op'));
    doc.whenNothingPending(says('nothing pending'));
    connection.whenNothingPending(says('nothing pending on the connection'));
    note('pending', connection.hasPending(), connection.hasWritePending());
    await arrived;
    await calm();
    release();
    await calm();
    note('pending', connection.hasPending(), connection.hasWritePending());
  });

  contract('an op without a callback only emits events', async ({followed, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp(add(1));
    await calm();
  });

  contract('a fetched document accepts ops without a subscription', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({text: 'ab'});
    doc().fetch(says('fetch'));
    await calm();
    remote.submitOp(insert(0, '>'));
    await calm();
    doc().submitOp(insert(1, 'X'), says('op'));
    await calm();
    remote.submitOp(insert(0, '>'));
    await calm();
  });

  contract('an empty op is an op', async ({followed, says, calm}) => {
    const {doc} = await followed({n: 1});
    doc.submitOp([], says('empty'));
    await calm();
  });

  contract('the same deletion by two clients is one', async ({followed, hold, release, says, calm}) => {
    const {doc, remote} = await followed({list: ['a', 'b']});
    const {arrived} = hold();
    doc.submitOp([{p: ['list', 0], ld: 'a'}], says('op'));
    await arrived;
    remote.submitOp([{p: ['list', 0], ld: 'a'}]);
    await calm();
    release();
    await calm();
  });

  contract('the same deletion by two clients is one, and not written if the server commits no empty ops',
    async ({followed, hold, release, says, calm}) => {
      const {doc, remote} = await followed({list: ['a', 'b']});
      const {arrived} = hold();
      doc.submitOp([{p: ['list', 0], ld: 'a'}], says('op'));
      await arrived;
      doc.submitOp([{p: ['list', 0], li: 'c'}], says('op behind'));
      remote.submitOp([{p: ['list', 0], ld: 'a'}]);
      await calm();
      release();
      await calm();
    }, {backend: {doNotCommitNoOps: true}});

  contract('components that the server adds to an op are shown', async ({followed, use, says, calm}) => {
    const {doc} = await followed({n: 1, text: ''});
    use('apply', (context, next) => {
      if (context.op.op) context['$fixup']([{p: ['text', 0], si: '!'}]);
      next();
    });
    doc.submitOp(add(1), says('op'));
    await calm();
  });

  contract('components that the server adds to an op are transformed over later ops', async ({followed, use, hold, release, says, calm}) => {
    const {doc, remote} = await followed({text: 'a'});
    let patched = false;
    use('apply', (context, next) => {
      if (context.op.op && !patched) context['$fixup'](insert(0, '!'));
      patched = true;
      next();
    });
    const {arrived} = hold('commit');
    doc.submitOp(insert(1, 'b'), says('op'));
    await arrived;
    doc.submitOp(insert(2, 'c'), says('op behind'));
    release();
    await calm();
    remote.submitOp(insert(0, '>'));
    await calm();
  });

  contract('two clients edit rich text at once', async ({followed, hold, release, says, calm}) => {
    const {doc, remote} = await followed([{insert: 'ab'}], 'rich-text');
    const {arrived} = hold();
    doc.submitOp([{retain: 1}, {insert: 'X'}], says('op'));
    await arrived;
    doc.submitOp([{retain: 3, attributes: {bold: true}}], says('op behind'));
    remote.submitOp([{delete: 1}, {insert: '>'}]);
    await calm();
    release();
    await calm();
  });

  contract('two clients edit json1 at once', async ({followed, hold, release, says, calm}) => {
    const {doc, remote} = await followed({list: ['a']}, 'json1');
    const {arrived} = hold();
    doc.submitOp(['list', 1, {i: 'X'}], says('op'));
    await arrived;
    doc.submitOp(['list', 0, {r: true}], says('op behind'));
    remote.submitOp(['list', 0, {i: '>'}]);
    await calm();
    release();
    await calm();
  });
});
