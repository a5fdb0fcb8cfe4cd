import {expect} from 'chai';
import Backend from 'sharedb';
import {Host} from '../../lib/host.js';
import {ProxyConnection, type ProxyDoc} from '../../lib/index.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import type {Clock} from '../../lib/platform/platform.js';
import {InMemoryStorage} from '../../lib/store/memory-storage.js';
import type {TabsError} from '../../lib/protocol/errors.js';
import {until} from '../waiting/until.js';

interface Note {
  words: string[];
}

describe('a document or presence that a tab destroys', () => {
  let backend: Backend;
  let real: ReturnType<Backend['connect']>;
  let host: Host;
  let startHost: () => void;
  let tab: ProxyConnection;
  /** Timers that the tab has set. They run as late as in a throttled tab. */
  let late: (() => void)[];
  let sent: {a: string; c: string}[];

  beforeEach(() => {
    late = [];
    sent = [];
    backend = new Backend({presence: true, doNotForwardSendPresenceErrorsToClient: true});
    const channel = memoryChannels();
    startHost = () => { host = new Host({connection: real = backend.connect(), channel, store: {storage}, after: Date.now()}); };
    const storage = new InMemoryStorage();
    startHost();
    const clock: Clock = {
      now: () => 0,
      after: (_ms, act) => {
        late.push(act);
        return () => {};
      }
    };
    tab = new ProxyConnection({channel, clock});
    tab.on('send', message => sent.push(message as never));
  });
  afterEach(() => {
    tab.close();
    host.close();
  });

  async function followed(): Promise<ProxyDoc<Note>> {
    const doc = tab.get<Note>('notes', 'one');
    await doc.create({words: []});
    await doc.subscribe();
    return doc;
  }

  /** A destroyed document and the one that has its name since, without a host. */
  async function replaced(): Promise<[destroyed: ProxyDoc<Note>, other: ProxyDoc<Note>]> {
    const doc = await followed();
    await doc.destroy();
    const other = tab.get<Note>('notes', 'one');
    await other.subscribe();
    host.close();
    await until('the tab knows', () => tab.hostState === 'lost');
    return [doc, other];
  }

  it('sends nothing more when its timers are late', async () => {
    await new Promise<void>(resolve => backend.connect().get('notes', 'one').create({words: []}, () => resolve()));
    backend.use('readSnapshots', (_context, next) => next(new Error('Not now')));
    const doc = tab.get<Note>('notes', 'one');
    doc.on('error', () => {});
    await doc.ingestSnapshot({v: 1, type: 'http://sharejs.org/types/JSONv0', data: {words: []}});
    const edit = doc.submitOp([{p: ['words', 0], li: 'one'}]);
    await until('it asks', () => sent.some(({a}) => a === 'f'));
    edit.catch(() => {});
    tab._destroyDoc(Object.assign(doc, {_wantsDestroy: true}) as never);
    const mine = tab.get<Note>('notes', 'one');
    sent = [];
    for (let turn = 0; turn < 20; turn++) {
      for (const act of late.splice(0)) act();
      doc.flush();
      await new Promise(setImmediate);
    }
    expect(sent.filter(({c}) => c === 'notes')).to.eql([]);
    expect(tab.get('notes', 'one')).to.equal(mine);
  });

  it('refuses ops when another document has its name', async () => {
    const doc = await followed();
    await doc.destroy();
    const other = tab.get<Note>('notes', 'one');
    await other.subscribe();
    for (const act of [() => doc.submitOp([{p: ['words', 0], li: 'late'}]), () => doc.del()]) {
      const error = await act().then(() => undefined, (reason: unknown) => reason as TabsError);
      expect(error).to.include({code: 'ERR_TABS_CLOSED', message: 'notes.one was destroyed: use what connection.get() gives'});
    }
    const told: string[] = [];
    doc.on('error', ({code}: {code?: string}) => told.push(code!));
    doc.submitOp([{p: ['words', 0], li: 'late'}]);
    await until('it is told without a promise, too', () => told.length > 0);
    expect(told).to.eql(['ERR_TABS_CLOSED']);
    expect(doc.data).to.eql({words: []});
    await other.submitOp([{p: ['words', 0], li: 'other'}]);
    expect(other.data).to.eql({words: ['other']});
    expect(tab.hasPending()).to.equal(false);
  });

  for (const isReplaced of [false, true]) {
    it(`sends an op that was made without a host${isReplaced ? ', when the app gets the document again' : ''}`, async () => {
      const doc = await followed();
      await doc.destroy();
      host.close();
      await until('the tab knows', () => tab.hostState === 'lost');
      const edit = doc.submitOp([{p: ['words', 0], li: 'late'}]);
      if (isReplaced) expect(tab.get('notes', 'one')).to.equal(doc);
      startHost();
      await edit;
      expect([doc.data, tab.hasPending(), tab.get('notes', 'one')]).to.eql([{words: ['late']}, false, doc]);
      const other = backend.connect().get('notes', 'one');
      await new Promise(resolve => other.fetch(resolve));
      expect(other.data).to.eql({words: ['late']});
    });
  }

  for (const what of ['fetch', 'subscribe'] as const) {
    for (const isReplaced of [false, true]) {
      it(`answers ${what}() that is called without a host${isReplaced ? ', when the app gets the document again' : ''}`, async () => {
        const doc = await followed();
        await doc.destroy();
        host.close();
        await until('the tab knows', () => tab.hostState === 'lost');
        const request = doc[what]();
        if (isReplaced) expect(tab.get('notes', 'one')).to.equal(doc);
        startHost();
        await request;
        await doc.whenNothingPending();
        expect([doc.subscribed, doc.hasPending()]).to.eql([what === 'subscribe', false]);
        await doc.destroy();
        expect(tab.getExisting('notes', 'one')).to.equal(undefined);
      });
    }

    it(`answers ${what}() that is called while the server is unreachable`, async () => {
      const doc = await followed();
      await doc.destroy();
      real.close();
      await until('the tab knows', () => tab.state === 'closed');
      const request = doc[what]();
      await new Promise(setImmediate);
      backend.connect(real as never);
      await request;
      expect([doc.data, doc.hasPending()]).to.eql([{words: []}, false]);
    });
  }

  it('refuses requests that are made without a host when another document has its name', async () => {
    const [doc, other] = await replaced();
    const errors = await Promise.all([doc.fetch(), doc.subscribe()].map(request => request.then(() => undefined, (reason: unknown) => reason)));
    for (const error of errors) {
      expect(error).to.include({code: 'ERR_TABS_CLOSED', message: 'notes.one was destroyed: use what connection.get() gives'});
    }
    expect([doc.hasPending(), tab.getExisting('notes', 'one')]).to.eql([false, other]);
  });

  it('refuses an op that is made without a host when another document has its name', async () => {
    const [doc, other] = await replaced();
    const error = await doc.submitOp([{p: ['words', 0], li: 'late'}]).catch((reason: unknown) => reason);
    expect(error).to.include({code: 'ERR_TABS_CLOSED'});
    expect(tab.getExisting('notes', 'one')).to.equal(other);
  });

  it('calls back all callers that destroy the same document', async () => {
    const doc = tab.get<Note>('notes', 'one');
    const told: string[] = [];
    doc.subscribe();
    doc.destroy(() => told.push('a'));
    doc.destroy(() => told.push('b'));
    await until('both are told', () => told.length === 2);
    expect(told).to.eql(['a', 'b']);
    expect(tab.getExisting('notes', 'one')).to.equal(undefined);
  });

  it('calls back all callers that destroy a document that is followed, or that is requested again meanwhile', async () => {
    const doc = await followed();
    const told: string[] = [];
    doc.destroy(() => told.push('a'));
    await Promise.resolve();
    expect(tab.get('notes', 'one')).to.equal(doc);
    doc.destroy(() => told.push('b'));
    doc.destroy(() => told.push('c'));
    await until('all are told', () => told.length === 3);
    expect(told).to.eql(['a', 'b', 'c']);
    expect(tab.getExisting('notes', 'one')).to.equal(undefined);
  });

  for (const what of ['an edit', 'a fetch', 'a subscription'] as const) {
    it(`ends when it has the answer to ${what} that is made while it ends`, async () => {
      const doc = await followed();
      const done: string[] = [];
      const request = new Promise<unknown>((resolve, reject) => tab.on('send', message => {
        if ((message as unknown as {a: string}).a !== 'u' || done.includes('asked')) return;
        done.push('asked');
        const mine = tab.get<Note>('notes', 'one');
        const asked = what === 'an edit' ? mine.submitOp([{p: ['words', 0], li: 'late'}]) : what === 'a fetch' ? mine.fetch() : mine.subscribe();
        asked.then(() => done.push('answered')).then(resolve, reject);
        mine.destroy(() => done.push('destroyed'));
      }));
      await doc.destroy();
      await request;
      await until('both are told', () => done.length === 3);
      expect(done).to.have.members(['asked', 'answered', 'destroyed']);
      expect(tab.getExisting('notes', 'one')).to.equal(undefined);
    });
  }

  it('ends with the connection, if it has an edit without an answer', async () => {
    const doc = await followed();
    backend.use('submit', () => {});
    const made = new Promise<Promise<unknown>[]>(resolve => tab.on('send', message => {
      if ((message as unknown as {a: string}).a !== 'u') return;
      const mine = tab.get<Note>('notes', 'one');
      resolve([mine.submitOp([{p: ['words', 0], li: 'late'}]).catch((error: unknown) => error), mine.destroy().catch(() => {})]);
    }));
    void doc.destroy();
    const [edit, end] = await made;
    await new Promise(setImmediate);
    tab.close();
    expect(await edit).to.include({code: 'ERR_TABS_CLOSED'});
    await end;
    expect(tab.getExisting('notes', 'one')).to.equal(undefined);
  });

  it('does not destroy the next document of its name, even if it is destroyed once more, and sends no more requests', async () => {
    const doc = await followed();
    await doc.destroy();
    const next = tab.get<Note>('notes', 'one');
    await next.subscribe();
    await doc.destroy();
    const asked = sent.length;
    const errors = await Promise.all([doc.subscribe(), doc.fetch()].map(request => request.catch((error: unknown) => error)));
    for (const error of errors) expect(error).to.include({code: 'ERR_TABS_CLOSED'}).and.property('message').to.contain('connection.get()');
    expect([tab.getExisting('notes', 'one'), next.data, sent.length]).to.eql([next, {words: []}, asked]);
  });

  it('calls back for a presence that is destroyed twice, and with its channel', async () => {
    const presence = tab.getPresence('room');
    await new Promise(resolve => presence.subscribe(resolve));
    const mine = presence.create('me');
    await new Promise(resolve => mine.submit('here', resolve as never));
    const told: string[] = [];
    mine.destroy(() => told.push('a'));
    mine.destroy(() => told.push('b'));
    presence.destroy(() => told.push('c'));
    await until('all are told', () => told.length === 3);
    expect(told).to.have.members(['a', 'b', 'c']);
    expect(presence.remotePresences).to.eql({});
  });

  /** What happens immediately before a document is destroyed twice. */
  const before: Record<string, (doc: ReturnType<typeof tab.get<Note>>) => void> = {
    'nothing': () => {},
    'a fetch': doc => { doc.fetch(); },
    'a subscription': doc => { doc.subscribe(); },
    'a subscription that is taken back': doc => {
      doc.subscribe();
      doc.unsubscribe();
    },
    'an edit': doc => { doc.create({words: []}); },
    'an end that is taken back': doc => {
      doc.destroy();
      doc.subscribe();
    }
  };
  for (const [what, act] of Object.entries(before)) {
    for (const network of ['there', 'away']) {
      it(`calls back all callers, after ${what}, the server ${network}`, async () => {
        const doc = tab.get<Note>('notes', 'new');
        if (network === 'away') {
          real.close();
          await until('the tab knows', () => tab.state === 'closed');
        }
        const told: string[] = [];
        act(doc);
        doc.destroy(() => told.push('a'));
        doc.destroy(() => told.push('b'));
        // The document ends when the server has the edit, or when the tab is told that the edit is lost.
        if (network === 'away') {
          await new Promise(setImmediate);
          backend.connect(real as never);
        }
        await until('both are told', () => told.length === 2);
        doc.destroy(() => told.push('c'));
        await until('the third is told', () => told.length === 3);
        expect(told).to.eql(['a', 'b', 'c']);
      });
    }
  }

  for (const kind of ['a channel', 'a document']) {
    for (const state of ['new', 'subscribed', 'subscribing']) {
      it(`calls back for all ends of presences of ${kind}, ${state}, in any order`, async () => {
        const orders = [['one', 'one', 'all'], ['all', 'one', 'one'], ['one', 'all', 'one'], ['all', 'all', 'two'], ['one', 'two', 'all', 'all', 'one']];
        for (const [i, order] of orders.entries()) {
          if (kind === 'a document') await tab.get('notes', `p${i}`).create({n: 0});
          const presence = kind === 'a channel' ? tab.getPresence(`room ${i}`) : tab.getDocPresence('notes', `p${i}`);
          if (state === 'subscribed') await new Promise(resolve => presence.subscribe(resolve));
          const locals: Record<string, any> = {one: presence.create('one'), two: presence.create('two')};
          for (const local of Object.values(locals)) local.submit({at: 1}, () => {});
          if (state === 'subscribing') presence.subscribe(() => {});
          const told: string[] = [];
          for (const [n, who] of order.entries()) (who === 'all' ? presence : locals[who]).destroy(() => told.push(`${n} ${who}`));
          await until(`all are told of ${order.join()}`, () => told.length === order.length);
          expect(told).to.have.members(order.map((who, n) => `${n} ${who}`));
        }
      });
    }
  }
});
