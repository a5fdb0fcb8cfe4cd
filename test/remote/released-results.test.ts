import {expect} from 'chai';
import {connectionOf, expose, release, wrap, type FrameTransport} from '../../lib/remote.js';
import {closeAll, connect, rejection} from './stage.js';

const service = {
  make: () => ({name: 'made'}),
  kinds: (...values: unknown[]) => values.map(value => typeof value),
  later: () => new Promise(resolve => { setTimeout(() => resolve('later'), 5); })
};

describe('a result that was not awaited', () => {
  afterEach(closeAll);

  it('can\'t be used after its release: not as a target, argument or promise', async () => {
    const {remote, here} = connect<any>(service);
    const [made, later] = [remote.make(), remote.later()];
    await here.flush();
    release(made);
    release(later);
    for (const use of [() => made.name, () => remote.kinds(made), () => remote.kinds([made.name]), () => later]) expect(await rejection(use())).to.have.property('code', 'ERR_REMOTE_RELEASED');
    expect(await remote.kinds(1)).to.eql(['number']);
  });

  it('is there if it was awaited before its release', async () => {
    const {remote} = connect<any>(service);
    const later = remote.later();
    const result = later.then((value: unknown) => value);
    release(later);
    expect(await remote.kinds(later)).to.eql(['string']);
    expect(await result).to.equal('later');
    expect(await later).to.equal('later');
  });

  it('can\'t be used after the other side was reloaded', async () => {
    const transport = (): FrameTransport => ({
      onframe: null, onclose: null, close() {},
      post(frame) { queueMicrotask(() => (this === ours ? theirs : ours).onframe?.(structuredClone(frame))); }
    });
    const ours = transport();
    let theirs = transport();
    expose(service, theirs);
    const remote = wrap<any>(ours);
    const [made, later] = [remote.make(), remote.later()];
    await connectionOf(remote).flush();
    theirs = transport();
    await expose(service, theirs).ready;
    expect(await remote.kinds(1)).to.eql(['number']);
    for (const use of [() => made.name, () => remote.kinds(made), () => later]) expect(await rejection(use())).to.have.property('code', 'ERR_REMOTE_RELEASED');
    connectionOf(remote).close();
  });

  it('is rejected with the end of the connection after that', async () => {
    const {remote, here} = connect<any>(service);
    const later = remote.later();
    await here.flush();
    here.close();
    expect(await rejection(later)).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: false});
  });
});
