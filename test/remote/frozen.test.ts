import {expect} from 'chai';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Channel, Locks} from '../../lib/platform/platform.js';
import {service, type Remote} from '../../lib/remote.js';
import type {ProxyConnection} from '../../lib/index.js';
import {HandClock} from '../waiting/hand-clock.js';
import {until} from '../waiting/until.js';
import {ServiceStage} from './service-stage.js';

/** A page or worker. While it is frozen, its events wait and its timers do not run. */
class Freezer {
  readonly clock = new HandClock();
  private waiting: (() => void)[] | undefined;

  async pass(ms: number): Promise<void> {
    if (!this.waiting) await this.clock.passSlowly(ms);
  }

  freeze(): void {
    this.waiting = [];
  }

  thaw(): void {
    const {waiting = []} = this;
    this.waiting = undefined;
    for (const handle of waiting) handle();
  }

  channel(inner: Channel): Channel {
    const arrive = (handle: () => void): void => {
      if (this.waiting) this.waiting.push(handle);
      else handle();
    };
    return {
      get sharesObjects() { return inner.sharesObjects; },
      get onmessage() { return inner.onmessage; },
      set onmessage(handle: Channel['onmessage']) {
        inner.onmessage = handle && (event => arrive(() => handle(event)));
      },
      postMessage: (data: unknown) => inner.postMessage(data),
      close: () => inner.close()
    } as Channel;
  }
}

const STEP_MS = 5000;

class Notes {
  readonly listeners: ((text: string) => PromiseLike<unknown>)[] = [];
  readonly outcomes: unknown[] = [];

  listen(listener: (text: string) => PromiseLike<unknown>): void {
    this.listeners.push(listener);
  }

  tell(): void {
    for (const listener of this.listeners.splice(0)) listener('hello').then(value => this.outcomes.push(value), (error: unknown) => this.outcomes.push(error));
  }

  hang(): Promise<never> {
    return new Promise(() => {});
  }
}

describe('while a page is frozen or a host hangs', () => {
  let stage: ServiceStage;
  let notes: Notes;
  let page: Freezer;
  let worker: Freezer;
  let connection: ProxyConnection;
  let callsOfOnHost: number;

  beforeEach(async () => {
    page = new Freezer();
    worker = new Freezer();
    const channels = memoryChannels();
    // A frozen page keeps its lock.
    const held = new Set<string>();
    const locks = {
      request: async (name: string, _options: object, callback: () => unknown) => {
        if (held.has(name)) return new Promise(() => {});
        held.add(name);
        return callback();
      }
    } as Locks;
    stage = new ServiceStage({mode: 'memory', clock: worker.clock, services: {notes: () => (notes = new Notes())}, host: {locks, channel: name => worker.channel(channels(name))}});
    connection = stage.tab({locks, clock: page.clock, channel: name => page.channel(channels(name))});
    callsOfOnHost = 0;
    service<Notes>(connection, 'notes', {onHost: (remote: Remote<Notes>) => {
      callsOfOnHost++;
      void remote.listen(async text => `${text} yourself`);
    }});
    await pass(100);
    await until('the service has the callback', () => notes?.listeners.length === 1);
  });

  afterEach(() => stage.close());

  /** Time passes in small steps, so that neither side gets ahead of the other. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await worker.pass(STEP_MS);
      await page.pass(STEP_MS);
    }
  }

  it('a call of the service into the page is answered if the page runs again soon', async () => {
    page.freeze();
    notes.tell();
    await pass(20_000);
    expect(notes.outcomes).to.eql([]);
    page.thaw();
    await pass(100);
    expect(notes.outcomes).to.eql(['hello yourself']);
    expect(callsOfOnHost).to.equal(1);
  });

  it('a call of the service into the page is rejected after a minute, and the page passes its callbacks again when it runs again', async () => {
    page.freeze();
    notes.tell();
    // The host pings a tab that is silent for 30 s, and waits 30 s for the answer. Its timers may be late by as much.
    await pass(120_000);
    expect(notes.outcomes).to.have.length(1);
    expect(notes.outcomes[0]).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
    page.thaw();
    await pass(1000);
    expect(notes.listeners).to.have.length(1);
    notes.tell();
    await pass(100);
    expect(notes.outcomes[1]).to.equal('hello yourself');
  });

  it('a page that no service waits for gets no requests', async () => {
    page.freeze();
    await pass(300_000);
    page.thaw();
    await pass(100);
    expect(callsOfOnHost).to.equal(1);
  });

  it('a call of a slow method stays open while the host answers pings, and is rejected when it does not', async () => {
    const outcomes: unknown[] = [];
    service<Notes>(connection, 'notes').hang().then(value => outcomes.push(value), (error: unknown) => outcomes.push(error));
    await pass(200_000);
    expect(outcomes).to.eql([]);
    worker.freeze();
    await pass(60_000);
    expect(outcomes).to.have.length(1);
    expect(outcomes[0]).to.include({code: 'ERR_REMOTE_CLOSED', mayHaveRun: true});
  });
});
