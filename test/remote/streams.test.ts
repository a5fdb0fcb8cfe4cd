import {expect} from 'chai';
import {closeAll, connect, rejection} from './stage.js';

const turns = async (n = 10): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise(resolve => setImmediate(resolve));
};

async function read(stream: ReadableStream): Promise<unknown[]> {
  const chunks = [];
  for await (const chunk of stream as unknown as AsyncIterable<unknown>) chunks.push(chunk);
  return chunks;
}

describe('remote streams', () => {
  afterEach(closeAll);

  it('transmit all chunks in order, for any number, in both directions', async () => {
    const numbers = (n: number): ReadableStream => new ReadableStream({start(controller) {
      for (let i = 0; i < n; i++) controller.enqueue(i);
      controller.close();
    }});
    const {remote} = connect({numbers, count: async (stream: ReadableStream) => (await read(stream)).length}) as any;
    expect(await read(await remote.numbers(100))).to.eql(Array.from({length: 100}, (_, i) => i));
    expect(await read(await remote.numbers(0))).to.eql([]);
    expect(await remote.count(numbers(50))).to.equal(50);
  });

  it('transfer chunks that own their buffers', async () => {
    const chunk = new Uint8Array(1000).fill(7);
    const {remote} = connect({bytes: () => new ReadableStream({start(controller) {
      controller.enqueue(chunk);
      controller.close();
    }})}) as any;
    const [arrived] = (await read(await remote.bytes())) as [Uint8Array];
    expect(arrived[999]).to.equal(7);
    expect(chunk.byteLength).to.equal(0);
  });

  it('never have more chunks under way than their window', async () => {
    let made = 0;
    const {remote} = connect({endless: () => new ReadableStream({pull(controller) {
      controller.enqueue(new Uint8Array(256 * 1024));
      made++;
    }}, {highWaterMark: 0})}) as any;
    const reader = (await remote.endless()).getReader();
    await turns();
    expect(made).to.equal(0);
    await reader.read();
    await turns(50);
    expect(made).to.be.within(8, 14);
    await reader.cancel();
  });

  it('are cancelled there, with the reason, and fail here with their error', async () => {
    let cancelled: unknown;
    const {remote, here} = connect({
      endless: () => new ReadableStream({pull: controller => controller.enqueue(1), cancel: reason => void (cancelled = reason)}),
      failing: () => new ReadableStream({pull: controller => controller.error(new RangeError('broken'))})
    }) as any;
    const reader = (await remote.endless()).getReader();
    await reader.read();
    await reader.cancel('enough');
    await turns();
    expect(cancelled).to.equal('enough');
    expect(await rejection((await remote.failing()).getReader().read())).to.be.instanceOf(RangeError);
    expect(here.inspect().streams).to.equal(0);
  });

  it('are cancelled when the source is, with its error', async () => {
    let finish!: () => void;
    const {remote, here} = connect({
      slow: () => new ReadableStream({cancel: () => new Promise<void>(resolve => { finish = resolve; })}),
      bad: () => new ReadableStream({cancel: () => Promise.reject(new RangeError('stuck'))})
    }) as any;
    let isCancelled = false;
    void (await remote.slow()).cancel().then(() => { isCancelled = true; });
    await turns();
    expect(isCancelled).to.equal(false);
    finish();
    await turns();
    expect(isCancelled).to.equal(true);
    expect(await rejection((await remote.bad()).cancel())).to.be.instanceOf(RangeError);
    expect(here.inspect().streams).to.equal(0);
  });

  it('end with their connection, on both sides', async () => {
    let cancelled = false;
    const {remote, there} = connect({endless: () => new ReadableStream({pull: controller => controller.enqueue(1), cancel: () => void (cancelled = true)})}) as any;
    const reader = (await remote.endless()).getReader();
    await reader.read();
    there.close();
    await turns();
    expect(cancelled).to.equal(true);
    const failed = await rejection((async () => {
      for (;;) if ((await reader.read()).done) return;
    })());
    expect(failed).to.have.property('code', 'ERR_REMOTE_CLOSED');
  });

  it('can be written to, with back-pressure and errors', async () => {
    const written: unknown[] = [];
    let closed = false;
    const {remote} = connect({
      sink: () => new WritableStream({write: chunk => void written.push(chunk), close: () => void (closed = true)}),
      bad: () => new WritableStream({write: () => Promise.reject(new RangeError('full'))})
    }) as any;
    const writer = (await remote.sink()).getWriter();
    for (let i = 0; i < 40; i++) await writer.write(i);
    await writer.close();
    expect(written).to.have.length(40);
    expect(closed).to.equal(true);
    const bad = (await remote.bad()).getWriter();
    bad.closed.catch(() => {});
    await bad.write(1);
    await turns();
    expect(await rejection(bad.write(2))).to.be.instanceOf(RangeError);
  });

  it('of two stubs are piped on the other side: no chunk is transmitted', async () => {
    const written: unknown[] = [];
    const {remote, ports: [, mine]} = connect({
      source: new ReadableStream({start(controller) {
        controller.enqueue('secret');
        controller.close();
      }}), sink: new WritableStream({write: chunk => void written.push(chunk)})
    }) as any;
    const heard: unknown[] = [];
    mine.addEventListener('message', (event: MessageEvent) => heard.push(event.data));
    await remote.source.pipeTo(remote.sink);
    expect(written).to.eql(['secret']);
    expect(JSON.stringify(heard)).not.to.contain('secret');
  });

  it('arrive as a transform', async () => {
    const {remote} = connect({upper: () => new TransformStream({transform: (chunk, controller) => controller.enqueue(String(chunk).toUpperCase())})}) as any;
    const {readable, writable} = await remote.upper();
    const writer = writable.getWriter();
    void writer.write('a').then(() => writer.close());
    expect(await read(readable)).to.eql(['A']);
  });
});

describe('remote iterables', () => {
  afterEach(closeAll);

  it('are iterated with for await on the call, and run ahead by at most one window', async () => {
    let made = 0;
    let ended = false;
    const {remote} = connect({async *count(n: number) {
      try {
        for (let i = 0; i < n; i++) {
          made++;
          yield i;
        }
      } finally {
        ended = true;
      }
    }, *sync() {
      yield 'a';
      yield 'b';
    }}) as any;
    const seen = [];
    for await (const i of remote.count(100)) seen.push(i);
    expect(seen).to.have.length(100);
    expect(ended).to.equal(true);
    const letters = [];
    for await (const letter of remote.sync()) letters.push(letter);
    expect(letters).to.eql(['a', 'b']);
    made = 0;
    const iterator = await remote.count(1000);
    await turns();
    expect(made).to.equal(0);
    await iterator.next();
    await turns();
    expect(made).to.be.within(32, 34);
  });

  it('run finally on the other side on break, and throw its errors', async () => {
    let ended = 0;
    const {remote, here} = connect({async *count() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        ended++;
      }
    }, async *failing() {
      yield 1;
      throw new RangeError('over');
    }}) as any;
    for await (const i of remote.count()) if (i === 3) break;
    expect(ended).to.equal(1);
    const seen: unknown[] = [];
    const error = await rejection((async () => {
      for await (const i of remote.failing()) seen.push(i);
    })());
    expect(seen).to.eql([1]);
    expect(error).to.be.instanceOf(RangeError);
    expect(here.inspect().streams).to.equal(0);
  });

  it('end with their connection', async () => {
    let ended = false;
    const {remote, there} = connect({async *slow() {
      try {
        yield 1;
        await new Promise(() => {});
      } finally {
        ended = true;
      }
    }, async *steady() {
      try {
        for (;;) yield 1;
      } finally {
        ended = true;
      }
    }}) as any;
    const iterator = remote.slow()[Symbol.asyncIterator]();
    expect(await iterator.next()).to.eql({done: false, value: 1});
    const steady = remote.steady()[Symbol.asyncIterator]();
    await steady.next();
    const next = rejection(iterator.next());
    there.close();
    expect(await next).to.have.property('code', 'ERR_REMOTE_CLOSED');
    await turns();
    expect(ended).to.equal(true);
  });
});

describe('remote abort signals', () => {
  afterEach(closeAll);

  it('are aborted with their reason, and when the connection ends', async () => {
    const signals: AbortSignal[] = [];
    const {remote, here} = connect({run: (signal: AbortSignal) => void signals.push(signal)}) as any;
    const abort = new AbortController();
    await remote.run(abort.signal);
    expect(signals[0]!.aborted).to.equal(false);
    abort.abort(new RangeError('enough'));
    await turns();
    expect(signals[0]!.reason).to.be.instanceOf(RangeError).with.property('message', 'enough');
    await remote.run(AbortSignal.abort());
    expect(signals[1]!.aborted).to.equal(true);
    expect(signals[1]!.reason).to.have.property('name', 'AbortError');
    await remote.run(new AbortController().signal);
    here.close();
    await turns();
    expect(signals[2]!.aborted).to.equal(true);
  });
});
