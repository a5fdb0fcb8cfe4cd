import {expect} from 'chai';
import Backend from 'sharedb';
import {logger} from 'sharedb/lib/client/index.js';
import {SharedMap} from '../../lib/collections.js';
import {Host, InMemoryStorage} from '../../lib/host.js';
import {ProxyConnection, askBeforeUnload, wouldLoseEdits, type SaveState} from '../../lib/index.js';
import {joinNamespace} from '../../lib/inspector.js';
import {unsavedDocs} from '../../lib/host/doc/unsaved-docs.js';
import {memoryChannels} from '../../lib/platform/memory.js';
import {until} from '../waiting/until.js';

logger.setMethods({info: () => {}, warn: () => {}, error: () => {}});

/** Memory that survives its host, as IndexedDB does. */
class DurableMemory extends InMemoryStorage {
  override readonly isDurable = true;
}

describe('whether edits are saved', () => {
  let backend: Backend;
  let channel: ReturnType<typeof memoryChannels>;
  let server: ReturnType<Backend['connect']>;
  const closing: (() => void)[] = [];

  beforeEach(() => {
    backend = new Backend();
    channel = memoryChannels();
  });

  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  function startHost(isDurable: boolean): Host {
    server = backend.connect();
    const store = isDurable ? {storage: new DurableMemory()} : false;
    const host = new Host({connection: server, channel, store, place: 'shared-worker', mirror: false, warn: () => {}});
    closing.push(() => host.close());
    return host;
  }

  function openTab(): ProxyConnection {
    const tab = new ProxyConnection({channel});
    closing.push(() => tab.close());
    return tab;
  }

  const shown = (emitter: {on(event: 'saveState', listener: (state: SaveState) => void): unknown}): SaveState[] => {
    const states: SaveState[] = [];
    emitter.on('saveState', state => states.push(state));
    return states;
  };

  it('changes from unsaved to saved with a server, with the time', async () => {
    startHost(true);
    const tab = openTab();
    const doc = tab.get('notes', 'one');
    const [ofDoc, ofAll] = [shown(doc), shown(tab)];
    expect([doc.saveState, tab.saveState, doc.savedAt]).to.eql(['saved', 'saved', undefined]);
    const before = Date.now();
    await doc.create({n: 1});
    await until('it is told', () => ofDoc.at(-1) === 'saved' && ofAll.at(-1) === 'saved');
    expect([ofDoc[0], ofAll[0]]).to.eql(['unsaved', 'unsaved']);
    expect([doc.saveState, tab.saveState]).to.eql(['saved', 'saved']);
    expect(doc.savedAt).to.be.within(before, Date.now());
  });

  it('is local without a server if the storage works, and saved when the server is reachable again', async () => {
    startHost(true);
    const [tab, other] = [openTab(), openTab()];
    const doc = tab.get('notes', 'one');
    await doc.create({n: 1});
    await other.get('notes', 'one').subscribe();
    backend.use('submit', (_context, next) => until('it may go on', () => isBack).then(() => next()));
    let isBack = false;
    doc.submitOp([{p: ['n'], na: 1}]);
    await until('it is stored', () => doc.saveState === 'local' && tab.saveState === 'local');
    await until('other tabs show it too', () => other.get('notes', 'one').saveState === 'local' && other.saveState === 'local');
    expect(tab.status.unsaved).to.eql([{collection: 'notes', id: 'one', pendingOps: 1, refusedOps: 0}]);
    expect(wouldLoseEdits(tab)).to.equal(false);
    isBack = true;
    await until('all is saved', () => [doc, tab, other, other.get('notes', 'one')].every(({saveState}) => saveState === 'saved'));
    await until('the status says so', () => !tab.status.unsaved);
  });

  it('is saved when the promise of an edit resolves, however slow the server is', async () => {
    startHost(true);
    const [tab, other] = [openTab(), openTab()];
    const [doc, waiting] = [tab.get('notes', 'one'), other.get('notes', 'two')];
    const states = (): string[] => [doc.saveState, tab.saveState];
    let release = (): void => {};
    let isHeld = false;
    backend.use('submit', ({id}, next) => {
      if (id === 'two' && isHeld) release = next;
      else setTimeout(next, 60);
    });
    await doc.create({n: 1});
    expect(states()).to.eql(['saved', 'saved']);
    for (let i = 0; i < 3; i++) {
      const saved = doc.submitOp([{p: ['n'], na: 1}]);
      await until('it is told that it waits', () => tab.status.unsaved !== undefined);
      await saved;
      expect(states()).to.eql(['saved', 'saved']);
    }
    // Another document still waits.
    await waiting.create({n: 1});
    isHeld = true;
    waiting.submitOp([{p: ['n'], na: 1}]);
    const saved = doc.submitOp([{p: ['n'], na: 1}]);
    await until('both wait', () => tab.status.unsaved?.length === 2);
    await saved;
    expect(states()).to.eql(['saved', 'local']);
    release();
    await until('all is saved', () => tab.saveState === 'saved');
  });

  it('is refused, and not saved before, when the promise of an edit rejects', async () => {
    startHost(true);
    const tab = openTab();
    const doc = tab.get('notes', 'one');
    await doc.create({n: 1});
    backend.use('submit', (_context, next) => next(new Error('Read only')));
    const [ofDoc, ofAll] = [shown(doc), shown(tab)];
    await doc.submitOp([{p: ['n'], na: 1}]).catch(() => {});
    expect([doc.saveState, tab.saveState]).to.eql(['refused', 'refused']);
    await until('it is told', () => ofDoc.at(-1) === 'refused' && ofAll.at(-1) === 'refused');
    expect([ofDoc, ofAll].flat()).not.to.include('saved');
  });

  it('is saved when a collection has been flushed at the server', async () => {
    startHost(true);
    const tab = openTab();
    backend.use('submit', (_context, next) => { setTimeout(next, 60); });
    const todos = await SharedMap.open<string, number>(tab, 'todos', {scope: 'synced'});
    todos.set('a', 1);
    await until('it is told that it waits', () => tab.status.unsaved !== undefined);
    await todos.flush({at: 'server'});
    expect(tab.saveState).to.equal('saved');
  });

  it("has the time at which another tab's edits were saved, and no time for refused ones", async () => {
    startHost(true);
    const [tab, other] = [openTab(), openTab()];
    await tab.get('notes', 'one').create({n: 1});
    const [doc, seen] = [tab.get('notes', 'one'), other.get('notes', 'one')];
    await seen.subscribe();
    await until('all is saved', () => other.saveState === 'saved' && !other.status.unsaved);
    let [isHeld, refuses] = [true, true];
    backend.use('submit', (_context, next) => until('it may go on', () => !isHeld).then(() => next(refuses ? new Error('Read only') : undefined)));
    const before = seen.savedAt;
    doc.submitOp([{p: ['n'], na: 1}], () => {});
    await until('it waits', () => seen.saveState === 'local');
    isHeld = false;
    await until('it is refused', () => seen.saveState === 'refused');
    await tab.deadLetters.discard((await tab.deadLetters.list())[0]!.id);
    await until('it is gone', () => seen.saveState === 'saved');
    expect(seen.savedAt).to.equal(before);
    [isHeld, refuses] = [true, false];
    const submitted = Date.now();
    doc.submitOp([{p: ['n'], na: 1}]);
    await until('it waits', () => seen.saveState === 'local');
    isHeld = false;
    await until('it is saved', () => seen.saveState === 'saved');
    expect(seen.savedAt).to.be.within(submitted, Date.now());
  });

  it('is saved for no document that a full list may leave out', async () => {
    startHost(true);
    const [tab, other] = [openTab(), openTab()];
    await until('the host is there', () => tab.state === 'connected' && other.state === 'connected');
    server.close();
    await until('the tabs know', () => tab.state !== 'connected' && other.state !== 'connected');
    for (let i = 0; i < 101; i++) tab.get('notes', String(i)).create({n: i}, () => {});
    await until('the list is full', () => other.status.pendingDocs === 101);
    const listed = other.status.unsaved!.map(({id}) => id);
    expect(listed).to.have.length(100).and.not.to.include('100');
    const states = shown(other.get('notes', '100'));
    expect(other.get('notes', '100').saveState).to.equal('local');
    expect(other.get('local:notes', 'one').saveState).to.equal('saved');
    tab.get('notes', '0').submitOp([{p: ['n'], na: 1}]);
    await until('it is told', () => states.at(-1) === 'local');
    backend.connect(server);
    await until('all is saved', () => states.at(-1) === 'saved' && other.saveState === 'saved');
    expect(other.get('notes', '100').saveState).to.equal('saved');
  });

  it('stays unsaved without a server and without a store', async () => {
    startHost(false);
    const tab = openTab();
    const doc = tab.get('notes', 'one');
    await doc.create({n: 1});
    const states = shown(doc);
    server.close();
    doc.submitOp([{p: ['n'], na: 1}]);
    await until('the host has it', () => tab.status.pendingOps === 1);
    expect([doc.saveState, tab.saveState]).to.eql(['unsaved', 'unsaved']);
    expect(states).to.eql(['unsaved']);
  });

  it('is refused until the app has handled the dead letter', async () => {
    startHost(true);
    const tab = openTab();
    const doc = tab.get('notes', 'one');
    await doc.create({n: 1});
    const states = shown(doc);
    backend.use('submit', (_context, next) => next(new Error('Read only')));
    await doc.submitOp([{p: ['n'], na: 1}]).catch(() => {});
    await until('it is told', () => doc.saveState === 'refused' && states.at(-1) === 'refused' && tab.saveState === 'refused');
    expect(tab.status.unsaved).to.eql([{collection: 'notes', id: 'one', pendingOps: 0, refusedOps: 1}]);
    const [letter] = await tab.deadLetters.list();
    await tab.deadLetters.discard(letter!.id);
    await until('it is gone', () => states.at(-1) === 'saved' && tab.saveState === 'saved');
  });

  it('is the worst of all documents for the connection, which counts the waiting edits of each', async () => {
    const holds = new Set(['b', 'd']);
    let isBack = false;
    startHost(true);
    const [tab, other] = [openTab(), openTab()];
    const docs = Object.fromEntries(['a', 'b', 'c', 'd'].map(id => [id, tab.get('notes', id)]));
    for (const doc of Object.values(docs)) await doc.create({n: 0});
    await until('all are saved', () => tab.saveState === 'saved');
    backend.use('submit', ({id}, next) => {
      if (id === 'c') return next(new Error('Read only'));
      if (holds.has(id)) return void until('it may go on', () => isBack).then(() => next());
      return next();
    });
    const states = shown(tab);
    docs['b']!.submitOp([{p: ['n'], na: 1}]);
    docs['b']!.preventCompose = true;
    docs['b']!.submitOp([{p: ['n'], na: 1}]);
    docs['d']!.submitOp([{p: ['n'], na: 1}]);
    const counts = (of: ProxyConnection): object => Object.fromEntries((of.status.unsaved ?? []).map(({id, pendingOps, refusedOps}) => [id, [pendingOps, refusedOps]]));
    await until('two documents wait', () => JSON.stringify(counts(tab)) === '{"b":[2,0],"d":[1,0]}' && tab.saveState === 'local');
    await docs['c']!.submitOp([{p: ['n'], na: 1}]).catch(() => {});
    await until('one is refused', () => tab.saveState === 'refused' && other.saveState === 'refused');
    await until('it is told first, to all tabs', () => [tab, other].every(one => JSON.stringify(counts(one)) === '{"c":[0,1],"b":[2,0],"d":[1,0]}'));
    expect(['a', 'b', 'c', 'd'].map(id => docs[id]!.saveState)).to.eql(['saved', 'local', 'refused', 'local']);
    const [letter] = await tab.deadLetters.list();
    await tab.deadLetters.discard(letter!.id);
    await until('the others still wait', () => tab.saveState === 'local');
    isBack = true;
    await until('all is saved', () => tab.saveState === 'saved' && other.saveState === 'saved' && states.at(-1) === 'saved');
    expect(states.filter((state, i) => state !== states[i - 1])).to.eql(states, 'each change is told once');
    expect(states.slice(-5)).to.eql(['local', 'unsaved', 'refused', 'local', 'saved']);
  });

  it('is listed for at most 100 documents, those with refused edits first', () => {
    const docs = Array.from({length: 150}, (_, i) => ({collection: 'notes', id: String(i), pendingOps: 1}));
    const {unsaved} = unsavedDocs([{collection: 'local:notes', id: 'x', pendingOps: 1}, ...docs], [{collection: 'notes', doc: '149'}]);
    expect(unsaved).to.have.length(100);
    expect(unsaved![0]).to.eql({collection: 'notes', id: '149', pendingOps: 1, refusedOps: 1});
    expect(unsavedDocs([], [])).to.eql({});
  });

  describe('before a page is unloaded', () => {
    /** A window that records its listeners. */
    class Page {
      listener: ((event: {preventDefault(): void}) => void) | undefined;
      addEventListener(_type: string, listener: (event: {preventDefault(): void}) => void): void {
        this.listener = listener;
      }
      removeEventListener(): void {
        this.listener = undefined;
      }
      get asks(): boolean {
        let isPrevented = false;
        this.listener?.({preventDefault: () => { isPrevented = true; }});
        return isPrevented;
      }
    }

    it('asks the user only while something would be lost, and listens only then', async () => {
      startHost(false);
      const tab = openTab();
      const doc = tab.get('notes', 'one');
      await doc.create({n: 1});
      await until('all is saved', () => tab.saveState === 'saved');
      const page = new Page();
      const end = askBeforeUnload(tab, page);
      expect(page.listener).to.equal(undefined);
      server.close();
      doc.submitOp([{p: ['n'], na: 1}]);
      await until('it is not saved', () => tab.saveState === 'unsaved');
      expect(page.asks).to.equal(true);
      // Another tab keeps the host alive.
      openTab();
      await until('it is there', () => tab.status.tabs === 2);
      await until('the host has it', () => !tab.hasUnsentOps);
      expect(page.asks).to.equal(false);
      end();
      expect(page.listener).to.equal(undefined);
    });

    it('asks in spite of other tabs if each has a host of its own, and of read-only pages', async () => {
      startHost(false);
      const tab = openTab();
      const doc = tab.get('notes', 'one');
      await doc.create({n: 1});
      const page = new Page();
      askBeforeUnload(tab, page);
      server.close();
      doc.submitOp([{p: ['n'], na: 1}]);
      const observer = joinNamespace({channel});
      closing.push(() => observer.close());
      await until('it looks', () => observer.status.pendingOps === 1);
      expect(page.asks).to.equal(true);
      openTab();
      await until('there is another tab', () => tab.status.tabs === 2 && !tab.hasUnsentOps);
      expect(page.asks).to.equal(false);
      Object.assign(tab, {mode: 'direct'});
      expect(page.asks).to.equal(true);
    });

    it('never asks if a store keeps the edits', async () => {
      startHost(true);
      const tab = openTab();
      const page = new Page();
      askBeforeUnload(tab, page);
      const doc = tab.get('notes', 'one');
      await doc.create({n: 1});
      server.close();
      doc.submitOp([{p: ['n'], na: 1}]);
      await until('it is stored', () => tab.saveState === 'local');
      expect(page.asks).to.equal(false);
    });

    it('refuses other arguments, with what it needs', () => {
      for (const connection of [undefined, backend.connect()] as never[]) {
        for (const call of [askBeforeUnload, wouldLoseEdits]) {
          expect(() => call(connection)).to.throw('a connection of createConnection').with.property('code', 'ERR_TABS_BAD_OPTION');
        }
      }
      expect(() => askBeforeUnload(openTab(), {} as never)).to.throw('must be a window').with.property('code', 'ERR_TABS_BAD_OPTION');
      expect(() => askBeforeUnload(openTab())).to.throw('askBeforeUnload').with.property('code', 'ERR_TABS_BAD_OPTION');
    });
  });
});
