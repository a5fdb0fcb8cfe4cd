import {expect} from 'chai';
import Backend from 'sharedb';
import {types} from 'sharedb/lib/client/index.js';
import {Host} from '../../lib/host.js';
import {ProxyConnection} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

interface Op {
  /** How often the op is applied without an error. */
  good: number;
}

/** Throws a value that is not an Error when an op is applied for the second time, which is in the host. */
const thrower = {
  name: 'thrower',
  uri: 'https://example.org/types/thrower',
  create: (data: unknown) => data,
  apply: (data: unknown, op: Op) => {
    if (op.good-- > 0) return data;
    throw 'a bad op';
  },
  transform: (op: Op) => op
};

describe('an op for which the type throws in the host', () => {
  it('is refused, without other effects', async () => {
    types.register(thrower as never);
    const backend = new Backend();
    const channel = memoryChannels();
    const host = new Host({connection: backend.connect(), channel, store: false, warn: () => {}});
    const connection = new ProxyConnection({channel});
    const doc = connection.get('things', 'one');
    await doc.create({}, 'thrower');
    const error = await doc.submitOp({good: 1} satisfies Op).then(() => undefined, (refusal: {code?: string; message: string}) => refusal);
    expect(error).to.include({code: 'ERR_OT_OP_NOT_APPLIED', message: 'a bad op'});
    doc.destroy();
    await until('the host has let go of it', () => host.inspect().docs === 0);
    expect(host.inspect().pendingOps).to.equal(0);
    connection.close();
    host.close();
  });
});
