import {expect} from 'chai';
import {createClient} from 'redis';
import RedisPubSub from 'sharedb-redis-pubsub';
import {Redis} from '../../examples/scale-out/redis.js';
import {RedisBus} from '../../examples/scale-out/redis-bus.js';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';

describe('the pubsub of two servers', function () {
  this.timeout(400_000);
  let redis: Redis;
  let missed: string[];
  let here: RedisBus;
  let there: RedisBus;

  beforeEach('start Redis and both', async () => {
    redis = await Redis.start();
    missed = [];
    here = new RedisBus(redis.url, () => missed.push('here'), () => {});
    there = new RedisBus(redis.url, () => missed.push('there'), () => {});
  });

  afterEach('stop all', async () => {
    // A client that is on its way to connect can't be closed.
    if (redis) await redis.start().catch(() => {});
    await Promise.all([here, there].map(bus => settled(done => bus.close(done))));
    await redis.close();
  });

  interface Stream {
    on(event: 'data', listener: (data: unknown) => void): void;
    destroy(): void;
  }

  const subscribe = (bus: RedisPubSub): Promise<Stream> => new Promise((resolve, reject) => {
    bus.subscribe('notes', (error, stream) => (error ? reject(error) : resolve(stream as unknown as Stream)));
  });

  /** Lets go of the only stream of a channel, and takes another one before Redis can have answered. */
  async function takeAgain(bus: RedisPubSub): Promise<unknown[]> {
    (await subscribe(bus)).destroy();
    const seen: unknown[] = [];
    (await subscribe(bus)).on('data', data => seen.push(data));
    return seen;
  }

  it('delivers messages to a channel that was unsubscribed and is subscribed again at once', async () => {
    const seen = await takeAgain(here);
    await until('the message is there', async () => {
      await settled(done => there.publish(['notes'], {v: 1} as never, done));
      return seen.length > 0;
    }, PATIENCE);
  });

  // If this fails, the adapter is repaired, and this part of RedisBus can go.
  it('would deliver none if it used the adapter alone', async () => {
    const client = createClient({url: redis.url});
    const plain = new RedisPubSub({client, observer: client.duplicate()});
    const seen = await takeAgain(plain);
    const own = await takeAgain(here);
    await until('the message is elsewhere', async () => {
      await settled(done => there.publish(['notes'], {v: 1} as never, done));
      return own.length > 0;
    }, PATIENCE);
    expect(seen).to.eql([]);
    await settled(done => plain.close(done));
  });

  it('notifies each server that messages may be lost when Redis runs again', async () => {
    await subscribe(here);
    await subscribe(there);
    expect(missed).to.eql([]);
    await redis.crash();
    await redis.start();
    await until('both are told', () => missed.includes('here') && missed.includes('there'), PATIENCE);
  });

  it('notifies all servers of a message that one server could not publish', async () => {
    await subscribe(here);
    await subscribe(there);
    // What Redis refuses, such as a message when its memory is full.
    const publisher = (there as unknown as {publisher: {eval(): Promise<void>}}).publisher;
    publisher.eval = () => Promise.reject(new Error('OOM command not allowed'));
    await settled(done => there.publish(['notes'], {v: 1} as never, done));
    await until('both are told', () => missed.includes('here') && missed.includes('there'), PATIENCE);
  });
});
