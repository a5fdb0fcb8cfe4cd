import {expect} from 'chai';
import json1 from 'ot-json1';
import client from 'sharedb/lib/client/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {UndoManager} from '../../lib/undo.js';
import {until} from '../waiting/until.js';
import {UndoStage} from './stage.js';

describe('an UndoManager', () => {
  let stage: UndoStage;
  let doc: ProxyDoc;
  let undo: UndoManager;
  const text = (of: {data: any} = doc): string => of.data.ops.map((op: {insert: string}) => op.insert).join('');

  afterEach(() => {
    undo?.close();
    stage.close();
  });

  describe('of a rich-text document', () => {
    beforeEach(async () => {
      stage = await UndoStage.open('rich-text', [{insert: 'Hello'}]);
      doc = stage.tabs[0]!;
      undo = new UndoManager(doc, {captureTimeout: 0});
    });

    it('undoes and redoes, and returns whether there was a step', async () => {
      expect([undo.canUndo, undo.canRedo]).to.eql([false, false]);
      expect(await undo.undo()).to.equal(false);
      void doc.submitOp([{retain: 5}, {insert: ' world'}]);
      void doc.submitOp([{delete: 1}]);
      expect(text()).to.equal('ello world');
      expect(await undo.undo()).to.equal(true);
      expect(text()).to.equal('Hello world');
      await undo.undo();
      expect(text()).to.equal('Hello');
      expect([undo.canUndo, undo.canRedo]).to.eql([false, true]);
      await undo.redo();
      await undo.redo();
      expect(text()).to.equal('ello world');
      expect(await undo.redo()).to.equal(false);
      await stage.settle();
    });

    it('keeps later changes of others', async () => {
      await doc.submitOp([{retain: 5}, {insert: ' world'}]);
      await stage.settle();
      stage.remotes[0]!.submitOp([{insert: 'Oh. '}] as never);
      await stage.settle();
      await undo.undo();
      expect(text()).to.equal('Oh. Hello');
      stage.remotes[0]!.submitOp([{retain: 2}, {insert: '!'}] as never);
      await stage.settle();
      await undo.redo();
      expect(text()).to.equal('Oh!. Hello world');
    });

    it('never undoes changes of others', async () => {
      stage.remotes[0]!.submitOp([{insert: 'Oh. '}] as never);
      await stage.settle();
      expect(await undo.undo()).to.equal(false);
      expect(text()).to.equal('Oh. Hello');
    });

    it('restores formats', async () => {
      await doc.submitOp([{retain: 5, attributes: {bold: true}}]);
      await undo.undo();
      expect(doc.data.ops).to.eql([{insert: 'Hello'}]);
    });

    it('clears the redo stack with the next op', async () => {
      void doc.submitOp([{insert: 'a'}]);
      await undo.undo();
      void doc.submitOp([{insert: 'b'}]);
      expect(undo.canRedo).to.equal(false);
    });

    it('continues without a server', async () => {
      void doc.submitOp([{insert: 'a'}]);
      stage.disconnectServer();
      await undo.undo();
      expect(text()).to.equal('Hello');
    });

    it('survives the death of the host', async () => {
      await doc.submitOp([{insert: 'a'}]);
      stage.host.close();
      await until('it is lost', () => doc.connection.hostState !== 'connected');
      stage.startHost();
      await until('it is back', () => doc.connection.hostState === 'connected' && doc.subscribed);
      await undo.undo();
      await stage.settle();
      expect(text()).to.equal('Hello');
    });

    it('drops a step that the server refuses, and nothing else', async () => {
      await doc.submitOp([{insert: 'a'}]);
      let refuses = true;
      stage.backend.use('submit', (_context, next) => next(refuses ? new Error('No deletions') : undefined));
      const error = await doc.submitOp([{retain: 2}, {delete: 2}]).catch((error: Error) => error.message);
      expect(error).to.equal('No deletions');
      await stage.settle();
      expect(text()).to.equal('aHello');
      expect(undo.canUndo).to.equal(true);
      refuses = false;
      await undo.undo();
      expect(text()).to.equal('Hello');
      expect(undo.canUndo).to.equal(false);
      await stage.settle();
    });

    it('emits an error for an undo that the server refuses', async () => {
      await doc.submitOp([{insert: 'a'}]);
      stage.backend.use('submit', (_context, next) => next(new Error('Read only')));
      const errors: string[] = [];
      undo.on('error', error => errors.push(error.message));
      await undo.undo();
      await until('it is told', () => errors.length > 0);
      expect(errors).to.eql(['Read only']);
      expect(text()).to.equal('aHello');
    });

    it('emits the error on the document if nobody listens to the manager', async () => {
      await doc.submitOp([{insert: 'a'}]);
      stage.backend.use('submit', (_context, next) => next(new Error('Read only')));
      const errors: string[] = [];
      doc.on('error', error => errors.push(error.message));
      await undo.undo();
      await until('it is told', () => errors.length > 0);
      expect(errors).to.eql(['Read only']);
    });

    it("undoes and redoes ops of a document of ShareDB's own client", async () => {
      const [remote] = stage.remotes;
      const own = new UndoManager(remote!, {captureTimeout: 0});
      remote!.submitOp([{retain: 5}, {insert: ' world'}] as never);
      await stage.settle();
      await doc.submitOp([{insert: 'Oh. '}]);
      await stage.settle();
      expect(await own.undo()).to.equal(true);
      await stage.settle();
      expect([text(), await own.undo()]).to.eql(['Oh. Hello', false]);
      expect(await own.redo()).to.equal(true);
      await stage.settle();
      expect(text()).to.equal('Oh. Hello world');
      own.close();
    });

    it('keeps a step of which the server refuses the undo, or the redo', async () => {
      await doc.submitOp([{insert: 'a'}]);
      await doc.submitOp([{insert: 'b'}]);
      let refuses = true;
      stage.backend.use('submit', (_context, next) => next(refuses ? new Error('Read only') : undefined));
      const errors: string[] = [];
      undo.on('error', error => errors.push(error.message));
      await undo.undo();
      await until('it is taken back', () => errors.length === 1 && text() === 'baHello');
      expect([undo.canUndo, undo.canRedo]).to.eql([true, false]);
      refuses = false;
      await undo.undo();
      await undo.undo();
      expect(text()).to.equal('Hello');
      await stage.settle();
      refuses = true;
      await undo.redo();
      await until('it is taken back', () => errors.length === 2 && text() === 'Hello');
      refuses = false;
      await undo.redo();
      await undo.redo();
      expect([text(), await undo.redo(), await undo.undo()]).to.eql(['baHello', false, true]);
      await stage.settle();
    });
  });

  describe('of steps', () => {
    let now: number;

    beforeEach(async () => {
      stage = await UndoStage.open('rich-text', [{insert: 'Hello'}]);
      doc = stage.tabs[0]!;
      now = 1000;
      // The test sets the time of the connection.
      Object.defineProperty(doc.connection, 'clock', {value: {now: () => now, after: () => () => {}}});
    });

    it('groups ops that follow each other closely', async () => {
      undo = new UndoManager(doc, {captureTimeout: 500});
      for (const [character, pause] of [['a', 400], ['b', 400], ['c', 600], ['d', 0]] as const) {
        void doc.submitOp([{insert: character}]);
        now += pause;
      }
      await undo.undo();
      expect(text()).to.equal('cbaHello');
      await undo.undo();
      expect(text()).to.equal('Hello');
    });

    it('begins a new one after stopCapturing()', async () => {
      undo = new UndoManager(doc);
      void doc.submitOp([{insert: 'a'}]);
      undo.stopCapturing();
      void doc.submitOp([{insert: 'b'}]);
      await undo.undo();
      expect(text()).to.equal('aHello');
    });

    it('captures only ops of the given sources', async () => {
      undo = new UndoManager(doc, {sources: ['quill'], captureTimeout: 0});
      void doc.submitOp([{insert: 'a'}], {source: 'quill'});
      void doc.submitOp([{insert: 'b'}], {source: 'import'});
      await undo.undo();
      expect(text()).to.equal('bHello');
      expect(undo.canUndo).to.equal(false);
    });

    it('keeps as many as the limit says', async () => {
      undo = new UndoManager(doc, {captureTimeout: 0, limit: 2});
      for (const character of 'abc') void doc.submitOp([{insert: character}]);
      while (await undo.undo());
      expect(text()).to.equal('aHello');
    });

    it('emits ops that were added to the last step, with its meta', () => {
      undo = new UndoManager(doc, {captureTimeout: 1e9});
      const events: unknown[] = [];
      undo.on('stack-item-added', ({type, meta}) => {
        meta.set('cursor', 7);
        events.push(['added', type]);
      });
      undo.on('stack-item-updated', ({type, meta}) => events.push(['updated', type, meta.get('cursor')]));
      for (const character of 'ab') void doc.submitOp([{insert: character}]);
      undo.stopCapturing();
      void doc.submitOp([{insert: 'c'}]);
      expect(events).to.eql([['added', 'undo'], ['updated', 'undo', 7], ['added', 'undo']]);
    });

    it('gives each step its meta, also when it is redone', async () => {
      undo = new UndoManager(doc, {captureTimeout: 0});
      const events: unknown[] = [];
      undo.on('stack-item-added', ({type, meta}) => {
        if (!meta.has('cursor')) meta.set('cursor', 7);
        events.push(['added', type, meta.get('cursor')]);
      });
      undo.on('stack-item-popped', ({type, meta}) => events.push(['popped', type, meta.get('cursor')]));
      void doc.submitOp([{insert: 'a'}]);
      await undo.undo();
      await undo.redo();
      expect(events).to.eql([
        ['added', 'undo', 7], ['popped', 'undo', 7], ['added', 'redo', 7], ['popped', 'redo', 7], ['added', 'undo', 7]
      ]);
    });

    it('drops all steps with clear(), and captures nothing after close()', async () => {
      undo = new UndoManager(doc, {captureTimeout: 0});
      void doc.submitOp([{insert: 'a'}]);
      undo.clear();
      expect(undo.canUndo).to.equal(false);
      undo.close();
      undo.close();
      void doc.submitOp([{insert: 'b'}]);
      expect(undo.canUndo).to.equal(false);
    });
  });

  it('undoes a step over several documents at once', async () => {
    stage = await UndoStage.open('json0', {title: 'a'});
    doc = stage.tabs[0]!;
    const other = doc.connection.get('docs', 'two');
    await other.create({title: 'b'});
    undo = new UndoManager([doc, other]);
    void doc.submitOp([{p: ['title'], od: 'a', oi: 'x'}]);
    void other.submitOp([{p: ['title'], od: 'b', oi: 'y'}]);
    void doc.submitOp([{p: ['title'], od: 'x', oi: 'z'}]);
    await undo.undo();
    expect([doc.data, other.data]).to.eql([{title: 'a'}, {title: 'b'}]);
    await undo.redo();
    expect([doc.data, other.data]).to.eql([{title: 'z'}, {title: 'y'}]);
  });

  it('restores the earlier data, even if a json0 op contains wrong removed data', async () => {
    stage = await UndoStage.open('json0', {title: 'a', list: [{n: 1}, 2]});
    doc = stage.tabs[0]!;
    undo = new UndoManager(doc, {captureTimeout: 0});
    void doc.submitOp([{p: ['title'], oi: 'x'}, {p: ['list', 0], ld: 'stale'}, {p: ['title'], od: 'stale'}]);
    expect(doc.data).to.eql({list: [2]});
    await undo.undo();
    expect(doc.data).to.eql({title: 'a', list: [{n: 1}, 2]});
  });

  it('does not overwrite later values of another client', async () => {
    stage = await UndoStage.open('json0', {title: 'a'});
    doc = stage.tabs[0]!;
    undo = new UndoManager(doc, {captureTimeout: 0});
    await doc.submitOp([{p: ['title'], od: 'a', oi: 'mine'}]);
    await stage.settle();
    stage.remotes[0]!.submitOp([{p: ['title'], od: 'mine', oi: 'theirs'}]);
    await stage.settle();
    await undo.undo();
    expect(doc.data).to.eql({title: 'theirs'});
  });

  for (const scope of ['tab', 'browser'] as const) {
    it(`does not overwrite a later format of another client, with the scope '${scope}'`, async () => {
      stage = await UndoStage.open('rich-text', [{insert: 'abc'}]);
      doc = stage.tabs[0]!;
      undo = new UndoManager(doc, {captureTimeout: 0, scope});
      await doc.submitOp([{retain: 3, attributes: {color: 'mine', bold: true}}]);
      await stage.settle();
      stage.remotes[0]!.submitOp([{retain: 3, attributes: {color: 'theirs'}}] as never);
      await stage.settle();
      await undo.undo();
      expect(doc.data.ops).to.eql([{insert: 'abc', attributes: {color: 'theirs'}}]);
      await undo.redo();
      expect(doc.data.ops).to.eql([{insert: 'abc', attributes: {color: 'theirs', bold: true}}]);
      await stage.settle();
    });
  }

  for (const [type, data] of [['rich-text', [{insert: 'Hello'}]], ['text-unicode', 'Hello'], ['json0', {list: []}], ['json1', {list: []}]] as const) {
    for (const kind of ['a tab', "ShareDB's own client"]) {
      it(`may be made before its document is loaded: ${type}, ${kind}`, async () => {
        stage = await UndoStage.open(type === 'json1' ? json1.type.uri! : type, data);
        const late = kind === 'a tab' ? stage.openTab() : stage.backend.connect().get('docs', 'one');
        undo = new UndoManager(late);
        await new Promise<void>((resolve, reject) => late.subscribe(error => (error ? reject(error) : resolve())));
        expect(late.data).to.eql(stage.tabs[0]!.data);
        expect([undo.canUndo, undo.canRedo]).to.eql([false, false]);
      });
    }
  }

  describe('of a document whose type is not tested with histories', () => {
    const counter = {create: (data: number) => data, apply: (data: number, op: number) => data + op, transform: (op: number) => op};

    for (const scope of ['tab', 'browser'] as const) {
      it(`undoes steps of several ops if the type can't compose, with the scope '${scope}'`, async () => {
        client.types.register({...counter, name: 'counter', uri: 'test:counter', invert: (op: number) => -op} as never);
        stage = await UndoStage.open('test:counter', 0);
        doc = stage.tabs[0]!;
        undo = new UndoManager(doc, {scope, captureTimeout: 1e9});
        for (const amounts of [[1, 2], [10, 20]]) {
          for (const amount of amounts) void doc.submitOp(amount);
          await stage.settle();
          undo.stopCapturing();
        }
        stage.remotes[0]!.submitOp(1000 as never);
        await stage.settle();
        const shown: unknown[] = [];
        for (const action of ['undo', 'undo', 'redo', 'redo'] as const) {
          shown.push(await undo[action](), doc.data);
          await stage.settle();
        }
        expect(shown).to.eql([true, 1003, true, 1000, true, 1003, true, 1033]);
      });

      it(`has and reports no steps if the type can't invert, with the scope '${scope}'`, async () => {
        client.types.register({...counter, name: 'growing', uri: 'test:growing'} as never);
        stage = await UndoStage.open('test:growing', 0);
        doc = stage.tabs[0]!;
        undo = new UndoManager(doc, {scope});
        let added = 0;
        undo.on('stack-item-added', () => added++);
        await doc.submitOp(5);
        expect([added, undo.canUndo, await undo.undo(), doc.data]).to.eql([0, false, false, 5]);
      });
    }
  });

  it('forgets the steps of a document that is deleted', async () => {
    stage = await UndoStage.open('json0', {title: 'a'});
    doc = stage.tabs[0]!;
    undo = new UndoManager(doc);
    await doc.submitOp([{p: ['title'], od: 'a', oi: 'b'}]);
    await doc.del();
    expect(await undo.undo()).to.equal(false);
  });

  it('refuses wrong options by name', async () => {
    stage = await UndoStage.open('json0', {});
    doc = stage.tabs[0]!;
    expect(() => new UndoManager([])).to.throw(TypeError, 'give it a document');
    expect(() => new UndoManager({submitOp() {}} as never)).to.throw(TypeError, 'give it a document');
    for (const [options, error, message] of [
      [{limit: 0}, RangeError, 'limit'],
      [{limit: '5'}, RangeError, 'limit'],
      [{captureTimeout: -1}, RangeError, 'captureTimeout'],
      [{captureTimeout: '500'}, RangeError, 'captureTimeout'],
      [{captureTimeout: null}, RangeError, 'captureTimeout'],
      [{scope: 'world'}, RangeError, 'scope'],
      [{sources: 'quill'}, TypeError, 'sources must be an array'],
      [{captureTimout: 5}, TypeError, 'there is no option captureTimout. Did you mean captureTimeout?'],
      [null, TypeError, 'the options must be an object']
    ] as const) {
      expect(() => new UndoManager(doc, options as never), JSON.stringify(options)).to.throw(error, message);
    }
  });

  it('may be closed by a listener', async () => {
    stage = await UndoStage.open('json0', {n: 0});
    doc = stage.tabs[0]!;
    undo = new UndoManager(doc);
    let changes = 0;
    undo.on('change', () => {
      changes++;
      undo.close();
    });
    void doc.submitOp([{p: ['n'], na: 1}]);
    expect([changes, undo.canUndo, await undo.undo()]).to.eql([2, false, false]);
  });

  it('rejects if a listener throws', async () => {
    stage = await UndoStage.open('json0', {n: 0});
    doc = stage.tabs[0]!;
    undo = new UndoManager(doc);
    void doc.submitOp([{p: ['n'], na: 1}]);
    undo.on('stack-item-popped', () => { throw new Error('of the app'); });
    expect(await undo.undo().catch((error: Error) => error.message)).to.equal('of the app');
    expect(doc.data).to.eql({n: 0});
  });
});
