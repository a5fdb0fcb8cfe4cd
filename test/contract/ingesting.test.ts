import {contract} from './contract.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];
const first = (): {v: number; type: string; data: {n: number}} => ({v: 1, type: 'json0', data: {n: 1}});

/** In addition to what was under way at the ingestion, the host is asked once more. */
const ASKED_AGAIN = 'nothing is pending once more';

describe('contract: ingested states', () => {
  contract('one is ingested during a subscription, and changed', async ({doc, remoteDoc, says, calm}) => {
    const remote = await remoteDoc({n: 1});
    doc().subscribe(says('subscribe'));
    doc().ingestSnapshot(first(), says('ingest'));
    doc().submitOp(add(1), says('op'));
    await calm();
    remote.submitOp(add(2));
    await calm();
  }, {exceptPending: ASKED_AGAIN});

  contract('one is ingested for a missing document, and changed', async ({doc, remoteDoc, says, calm}) => {
    doc().fetch(says('fetch'));
    await calm();
    await remoteDoc({n: 1});
    doc().ingestSnapshot(first(), says('ingest'));
    doc().submitOp(add(1), says('op'));
    await calm();
  });

  contract('one is ingested for a missing document, and followed', async ({doc, remoteDoc, says, calm}) => {
    doc().fetch(says('fetch'));
    await calm();
    const remote = await remoteDoc({n: 1});
    doc().ingestSnapshot(first(), says('ingest'));
    doc().subscribe(says('subscribe'));
    await calm();
    remote.submitOp(add(1));
    await calm();
  });

  contract('one is ingested and deleted', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().ingestSnapshot(first(), says('ingest'));
    doc().del(says('del'));
    await calm();
  });

  contract('one is ingested, changed and deleted', async ({doc, remoteDoc, says, calm}) => {
    await remoteDoc({n: 1});
    doc().ingestSnapshot(first(), says('ingest'));
    doc().submitOp(add(1), says('op'));
    doc().del(says('del'));
    await calm();
  });

  contract('one that nobody has requested stays unchanged', async ({doc, remoteDoc, note, calm, away, back}) => {
    const remote = await remoteDoc({n: 1});
    doc().ingestSnapshot(first());
    remote.submitOp(add(1));
    await away();
    await back();
    await calm();
    note('after the network was away');
    doc().pause();
    doc().submitOp(add(5));
    await calm();
    note('paused');
    doc().resume();
    await calm();
  });

  contract('one is the app\'s own object, which the app continues to use', async ({doc, remoteDoc, says, note, calm}) => {
    await remoteDoc({n: 1, list: ['a']});
    const data = {n: 1, list: ['a']};
    doc().ingestSnapshot({v: 1, type: 'json0', data});
    doc().submitOp([{p: ['list', 0], ld: 'a'}], says('op'));
    note('the object', data);
    await calm();
  });
});
