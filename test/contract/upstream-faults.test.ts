import {expect} from 'chai';
import type {Doc} from './recording.js';
import {Recording} from './recording.js';
import {ContractStage} from './stage.js';
import {direct, fallback, proxy} from './subjects.js';

const add = (n: number): object[] => [{p: ['n'], na: n}];

/** Cases in which ShareDB's own connection has a fault: its behaviour, and the behaviour of this library. */
describe('contract: faults of upstream', () => {
  on({'on a direct connection': direct}, 'unsubscribe without a network is forgotten', async stage => {
    const doc = await unsubscribedWithoutNetwork(stage);
    expect(doc.subscribed).to.equal(true);
  });

  on({'through the proxy': proxy, 'by the fallback': fallback}, 'unsubscribe without a network is kept', async stage => {
    const doc = await unsubscribedWithoutNetwork(stage);
    expect([doc.subscribed, doc.version]).to.eql([false, 1]);
  });

  on({'on a direct connection': direct}, 'an op under way is lost from the data with one behind it that can\'t be applied', async stage => {
    const {doc, results} = await impossibleBehindOthers(stage);
    expect([doc.version, doc.data.n]).to.eql([2, 1]);
    expect(results).to.eql(['op: error', 'op behind: error', 'impossible: error']);
  });

  on({'through the proxy': proxy, 'by the fallback': fallback},
    'an op under way is not touched by one behind it that can\'t be applied', async stage => {
      const {doc, results} = await impossibleBehindOthers(stage);
      expect([doc.version, doc.data.n]).to.eql([2, 2]);
      expect(results).to.have.members(['op: ok', 'op behind: error', 'impossible: error']);
    });
});

function on(subjects: Record<string, typeof direct>, title: string, run: (stage: ContractStage) => Promise<void>): void {
  for (const [name, subject] of Object.entries(subjects)) {
    it(`${title}, ${name}`, async () => {
      const stage = new ContractStage(subject, new Recording());
      try {
        await stage.connected();
        await run(stage);
      } finally {
        stage.close();
      }
    });
  }
}

async function unsubscribedWithoutNetwork({followed, away, back, calm}: ContractStage): Promise<Doc> {
  const {doc, remote} = await followed({n: 1});
  await away();
  await new Promise<unknown>(resolve => doc.unsubscribe(resolve));
  remote.submitOp(add(1));
  await calm();
  await back();
  return doc;
}

async function impossibleBehindOthers({followed, hold, release, calm}: ContractStage): Promise<{doc: Doc; results: string[]}> {
  const {doc} = await followed({n: 1});
  const results: string[] = [];
  const result = (name: string) => (error?: unknown) => void results.push(`${name}: ${error ? 'error' : 'ok'}`);
  const {arrived} = hold();
  doc.submitOp(add(1), result('op'));
  await arrived;
  doc.submitOp(add(2), result('op behind'));
  doc.submitOp([{p: ['no', 'such', 'place'], oi: 1}], result('impossible'));
  release();
  await calm();
  return {doc, results};
}
