import {expect} from 'chai';
import {expose, wrap} from '../../lib/remote.js';
import {Random} from '../support/random.js';
import {HostileFrames} from './hostile-frames.js';

/** In CI 100,000. */
const FRAMES = Number(process.env['FRAMES'] ?? 5000);
const SEED = Number(process.env['SEED'] ?? 1);
const LIMITS = {pending: 50, references: 200, depth: 20};

class Base {
  inherited(): number {
    return 1;
  }
}

/** Gives out something of each kind that crosses. */
class Exposed extends Base {
  readonly own = {a: 1};
  readonly list = [1, 2];
  readonly frozen = Object.freeze({a: 1});
  hiddenCalls = 0;

  fn(...args: unknown[]): unknown {
    return args[0];
  }

  hidden(): void {
    this.hiddenCalls++;
  }

  made(): Base {
    return new Base();
  }

  async later(value: unknown): Promise<unknown> {
    return value;
  }

  never(): Promise<never> {
    return new Promise(() => {});
  }

  async *numbers(): AsyncGenerator<number> {
    for (let i = 0; i < 100; i++) yield i;
  }

  bytes(): ReadableStream {
    return new ReadableStream({pull: controller => controller.enqueue(new Uint8Array(8))});
  }
}

/** The members of all that code of this realm inherits from. */
const prototypes = (): Record<string, unknown>[] =>
  [Object, Function, Array, Map, Set, Promise, Error, Exposed, Base].flatMap(type => [type, type.prototype] as object[]).map(Object.getOwnPropertyDescriptors);

describe('random frames of a hostile peer', () => {
  it(`reach no prototype, run no code, keep the limits and end nothing: ${FRAMES}`, async function () {
    this.timeout(300_000);
    const random = new Random(SEED);
    const hostile = new HostileFrames(random);
    const answered = new Set<unknown>();
    const transport = {
      onframe: null as ((data: unknown) => void) | null, onclose: null, isConnected: true,
      // What can't be cloned would throw here.
      post(data: unknown) {
        for (const [what, id, value] of (structuredClone(data) as [number, unknown, unknown[][]])[2]) if (what === 2 && (value as unknown as unknown[])[0] === 1) answered.add(id);
      },
      close() {}
    };
    const exposed = new Exposed();
    const {frozen} = exposed;
    const isSet = (target: object, kind: string): boolean => kind === 'set' && target === exposed;
    const options = {onError() {}, limits: LIMITS, allow: (target: object, key: string, kind: string) => !key.startsWith('hidden') && !isSet(target, kind)};
    const connection = expose(exposed, transport, options);
    const remote = wrap<any>(transport, options);
    const before = prototypes();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const own = {made: 0, settled: 0};
    const settled = (): void => void own.settled++;
    try {
      for (let i = 0; i < FRAMES; i++) {
        // This side calls as well, so that returns, items and signals of the other side find something.
        if (i % 20 === 0) {
          own.made++;
          remote.method(exposed.fn, new Base(), AbortSignal.abort()).then(settled, settled);
        }
        transport.onframe!(hostile.next());
        if (i % 500) continue;
        await new Promise(resolve => setImmediate(resolve));
        const {references, streams} = connection.inspect();
        expect(references).to.be.at.most(LIMITS.references);
        expect(streams, 'streams').to.be.at.most(2 * LIMITS.references);
      }
      await new Promise(resolve => setImmediate(resolve));
      // A reload drops what hangs, so that the limit of calls leaves room.
      transport.onframe!([1, 0, [[0, '', [], 'c']]]);
      const {id, frame} = hostile.honestCall('inherited');
      transport.onframe!(frame);
      await new Promise(resolve => setImmediate(resolve));
      expect(connection.state).to.equal('open');
      expect([...answered], 'answers').to.include(id);
      connection.close();
      await new Promise(resolve => setImmediate(resolve));
      expect(own.settled, 'calls of this side that ended').to.equal(own.made);
      expect(connection.inspect()).to.include({references: 0, pending: 0, streams: 0});
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).to.eql([]);
    expect((globalThis as {hostileCodeRan?: unknown}).hostileCodeRan).to.equal(undefined);
    expect(exposed.hiddenCalls).to.equal(0);
    expect(frozen).to.eql({a: 1});
    expect(prototypes()).to.eql(before);
  });
});
