import type {ServiceHost} from '../../lib/worker.js';

interface Count {
  n: number;
}

/** Runs in the hosts of these tests. */
export class CountingService {
  constructor(private readonly host: ServiceHost) {}

  private doc(id: string) {
    return this.host.connection.get<Count>('stages', id);
  }

  async follow(id: string): Promise<void> {
    const doc = this.doc(id);
    await doc.subscribe();
    if (!doc.type) await doc.create({n: 0});
  }

  increment(id: string): void {
    void this.doc(id).submitOp([{p: ['n'], na: 1}]);
  }

  read(id: string): number {
    return this.doc(id).data!.n;
  }

  incrementAndThrow(id: string): never {
    this.increment(id);
    throw new RangeError('as asked for');
  }

  async incrementAndCall(id: string, callback: () => PromiseLike<unknown>): Promise<unknown> {
    this.increment(id);
    return callback();
  }

  pure(a: number, b: number): number {
    return a + b;
  }

  async size(stream: ReadableStream<Uint8Array>): Promise<number> {
    const reader = stream.getReader();
    let bytes = 0;
    for (let item = await reader.read(); !item.done; item = await reader.read()) bytes += item.value.byteLength;
    return bytes;
  }

  hang(): Promise<never> {
    return new Promise(() => {});
  }
}

export const services = {counting: (host: ServiceHost): CountingService => new CountingService(host)};
