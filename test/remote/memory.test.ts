import {expect} from 'chai';
import {release} from '../../lib/remote.js';
import {closeAll, connect} from './stage.js';

describe('remote memory', function () {
  this.timeout(120_000);
  afterEach(closeAll);

  it('holds nothing on either side after 100,000 callbacks that are released', async () => {
    const {remote, here, there} = connect({call: async (f: () => number) => {
      using callback = f as (() => number) & Disposable;
      return callback();
    }}) as any;
    for (let turn = 0; turn < 100; turn++) {
      await Promise.all(Array.from({length: 1000}, (_, n) => remote.call(() => n)));
    }
    await here.flush();
    await new Promise(resolve => setTimeout(resolve, 5));
    for (const connection of [here, there]) expect(connection.inspect()).to.include({references: 0, stubs: 0, pending: 0, streams: 0});
  });

  it('releases stubs that were garbage-collected', async function () {
    const {gc} = globalThis as {gc?: () => void};
    if (!gc) return this.skip();
    const {remote, there} = connect({make: () => () => 1}) as any;
    for (let i = 0; i < 1000; i++) await remote.make();
    for (let i = 0; i < 50 && there.inspect().references; i++) {
      gc();
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    expect(there.inspect().references).to.be.below(10);
  });

  it('counts: releasing and sending again can cross', async () => {
    const f = (): number => 1;
    const {remote, there} = connect({get: () => f, use: (g: () => number) => g()}) as any;
    for (let i = 0; i < 30; i++) {
      const stub = await remote.get();
      const again = remote.get();
      release(stub);
      expect(await (await again)()).to.equal(1);
      release(await again);
    }
    await remote.get;
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(there.inspect().references).to.be.at.most(1);
  });
});
