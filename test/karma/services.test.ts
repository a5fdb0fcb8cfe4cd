import {expect} from 'chai';
import {service, type Remote} from '../../lib/remote.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import type {CountingService} from './counting-service.js';
import {END, blockChannel} from './block.js';
import {KarmaStage, type Options} from './stage.js';

const places: [title: string, options: Options][] = [
  ['in a shared worker', {mode: 'shared-worker'}],
  ['in the worker of an elected tab', {mode: 'elected-tab', ownWorker: 'good'}],
  ['in the page of an elected tab', {mode: 'elected-tab'}],
  ['in the page itself', {mode: 'direct'}]
];
const CALLS = 200;

describe('services of a host', function () {
  this.timeout(120_000);
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  for (const [title, options] of places) {
    describe(title, () => {
      it(`show their ops, and see their caller's, when ${CALLS} calls resolve, reject or call back`, async () => {
        if (options.mode === 'elected-tab') await stage.openFrame(options);
        const connection = stage.connectHere(options);
        const counting: Remote<CountingService> = service<CountingService>(connection, 'counting');
        await counting.follow(stage.id);
        const doc = await stage.subscribe(connection);
        const missed: string[] = [];
        const look = (what: string, n: number, expected: number): void => { if (n !== expected) missed.push(`${what}: ${n} instead of ${expected}`); };
        for (let i = 0, n = 0; i < CALLS / 4; i++) {
          await counting.increment(stage.id);
          look('at the resolve', doc.data.n as number, ++n);
          const error = await counting.incrementAndThrow(stage.id).then(() => undefined, (thrown: unknown) => thrown);
          expect(error).to.be.instanceOf(RangeError);
          look('at the reject', doc.data.n as number, ++n);
          let shown = 0;
          await counting.incrementAndCall(stage.id, () => Promise.resolve(shown = doc.data.n as number));
          look('in the callback', shown, ++n);
          doc.submitOp([{p: ['n'], na: 1}]);
          look('in the service', await counting.read(stage.id), ++n);
        }
        expect(missed).to.eql([]);
        await settled(done => doc.whenNothingPending(() => done()));
      });

      it('read streams, and have no other name', async () => {
        const connection = stage.connectHere(options);
        const counting = service<CountingService>(connection, 'counting');
        let left = 50;
        const stream = new ReadableStream<Uint8Array>({pull: controller => (left-- ? controller.enqueue(new Uint8Array(10_000)) : controller.close())});
        expect(await counting.size(stream)).to.equal(500_000);
        const error = await service<CountingService>(connection, 'other').pure(1, 2).then(() => undefined, (thrown: unknown) => thrown);
        expect(error).to.have.property('code', 'ERR_REMOTE_NO_SERVICE');
      });
    });
  }

  for (const [title, options, kill] of [
    ['of a tab that closes', {mode: 'elected-tab'}, undefined],
    ['in a shared worker that ends itself', {mode: 'shared-worker'}, END]
  ] as [string, Options, string | undefined][]) {
    it(`reject open calls of the host ${title}, and repeat idempotent ones with the next host`, async () => {
      const hosting = kill ? undefined : await stage.openFrame(options);
      if (hosting) await hosting.mode;
      const connection = stage.connectHere(options);
      const counting = service<CountingService>(connection, 'counting', {idempotent: ['pure']});
      expect(await counting.pure(1, 2)).to.equal(3);
      const hanging = Array.from({length: 20}, () => counting.hang().then(() => undefined, (error: unknown) => error));
      await counting.pure(1, 2);
      if (kill) new BroadcastChannel(blockChannel(stage.id)).postMessage(kill);
      else hosting!.close();
      for (const error of await Promise.all(hanging)) expect(error).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
      expect(await counting.pure(2, 3)).to.equal(5);
      await until('there is a host', () => connection.hostState === 'connected');
    });
  }
});
