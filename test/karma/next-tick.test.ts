import {expect} from 'chai';
import * as util from 'sharedb/lib/util.js';
import {nextTick} from '../../lib/platform/next-tick.js';

describe('a tick', () => {
  it('comes in the order in which it was asked for, among ours and those of ShareDB', async () => {
    const order: number[] = [];
    const asked = Array.from({length: 200}, (_, n) => n);
    await new Promise<void>(resolve => {
      for (const n of asked) {
        const tick: (callback: () => void) => void = n % 3 ? util.nextTick : nextTick;
        tick(() => {
          order.push(n);
          if (order.length === asked.length) resolve();
        });
      }
    });
    expect(order).to.deep.equal(asked);
  });

  it('is a task of its own: what was to be done in microtasks is done before the next one', async () => {
    const order: string[] = [];
    await new Promise<void>(resolve => {
      nextTick(() => {
        order.push('first');
        queueMicrotask(() => order.push('microtask'));
      });
      nextTick(() => {
        order.push('second');
        resolve();
      });
    });
    expect(order).to.deep.equal(['first', 'microtask', 'second']);
  });
});
