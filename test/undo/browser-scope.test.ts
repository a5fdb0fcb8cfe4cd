import {expect} from 'chai';
import client from 'sharedb/lib/client/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {UndoManager, type UndoOptions} from '../../lib/undo.js';
import {until} from '../waiting/until.js';
import {UndoStage} from './stage.js';

describe("UndoManagers with the scope 'browser'", () => {
  let stage: UndoStage;
  let one: ProxyDoc;
  let other: ProxyDoc;
  let undo: UndoManager[];

  async function open(data: unknown = [{insert: 'Hello'}], options: UndoOptions = {}, type = 'rich-text'): Promise<void> {
    stage = await UndoStage.open(type, data, {tabs: 2});
    [one, other] = stage.tabs as [ProxyDoc, ProxyDoc];
    undo = stage.tabs.map(doc => new UndoManager(doc, {scope: 'browser', captureTimeout: 0, ...options}));
  }

  afterEach(() => {
    for (const manager of undo) manager.close();
    stage.close();
  });

  const text = (of: {data: any} = one): string => of.data.ops.map((op: {insert: string}) => op.insert).join('');

  it('undo in one tab the last step of another, and redo it in any', async () => {
    await open();
    await one.submitOp([{retain: 5}, {insert: ' world'}]);
    await stage.settle();
    await other.submitOp([{insert: 'Oh. '}]);
    await stage.settle();
    expect(undo.map(({canUndo}) => canUndo)).to.eql([true, true]);
    expect(await undo[0]!.undo()).to.equal(true);
    await stage.settle();
    expect(text()).to.equal('Hello world');
    expect(await undo[1]!.undo()).to.equal(true);
    await stage.settle();
    expect([text(), await undo[0]!.undo()]).to.eql(['Hello', false]);
    expect(await undo[0]!.redo()).to.equal(true);
    expect(await undo[1]!.redo()).to.equal(true);
    await stage.settle();
    expect([text(), await undo[0]!.redo()]).to.eql(['Oh. Hello world', false]);
  });

  it('keep the changes of clients elsewhere', async () => {
    await open();
    await one.submitOp([{retain: 5}, {insert: ' world'}]);
    stage.remotes[0]!.submitOp([{insert: 'Oh. '}] as never);
    await stage.settle();
    expect(await undo[1]!.undo()).to.equal(true);
    expect(await undo[1]!.undo()).to.equal(false);
    await stage.settle();
    expect(text()).to.equal('Oh. Hello');
  });

  it('undo nothing twice when both undo at once', async () => {
    await open([{insert: 'Hello'}]);
    await one.submitOp([{delete: 1}]);
    await one.submitOp([{delete: 1}]);
    await stage.settle();
    expect(await Promise.all([undo[0]!.undo(), undo[1]!.undo(), undo[1]!.undo()])).to.have.members([true, true, false]);
    await stage.settle();
    expect(text()).to.equal('Hello');
    await Promise.all(undo.map(manager => manager.redo()));
    await stage.settle();
    expect(text()).to.equal('llo');
  });

  it('undo all of a step into which an op came below that of another tab', async () => {
    await open([{insert: 'ahb'}], {captureTimeout: 1e9});
    await one.submitOp([{retain: 2}, {insert: 'X'}]);
    await stage.settle();
    // Both at once: the host has the removal of h first, and then that of X, which belongs to the first step.
    const removed = other.submitOp([{retain: 1}, {delete: 1}]);
    one.submitOp([{retain: 2}, {delete: 1}]);
    await removed;
    await stage.settle();
    expect(text()).to.equal('ab');
    while (await undo[0]!.undo());
    await stage.settle();
    expect(text()).to.equal('ahb');
    while (await undo[1]!.redo());
    await stage.settle();
    expect(text()).to.equal('ab');
  });

  it('undo steps of a closed tab', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    undo[0]!.close();
    one.connection.close();
    stage.tabs.shift();
    expect(await undo[1]!.undo()).to.equal(true);
    await stage.settle();
    expect(text(other)).to.equal('Hello');
  });

  it('continue with another host after the death of theirs', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    await other.submitOp([{insert: 'b'}]);
    await stage.settle();
    stage.host.close();
    await until('it is lost', () => other.connection.hostState !== 'connected');
    const undoing = undo[1]!.undo();
    void one.submitOp([{retain: 7}, {insert: '!'}]);
    stage.startHost();
    expect(await undoing).to.equal(true);
    await stage.settle();
    while (await undo[0]!.undo());
    await stage.settle();
    expect(text()).to.equal('Hello');
    while (await undo[1]!.redo());
    await stage.settle();
    expect(text()).to.equal('baHello!');
  });

  it('recognize ops that an earlier host has sent, when a tab receives them from the next one', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    stage.host.close();
    stage.startHost();
    await until('both are back', () => stage.tabs.every(({connection, subscribed}) => connection.hostState === 'connected' && subscribed));
    await stage.settle();
    expect(await undo[1]!.undo()).to.equal(true);
    await stage.settle();
    expect(text()).to.equal('Hello');
  });

  it('work without a server', async () => {
    await open();
    stage.disconnectServer();
    void one.submitOp([{insert: 'a'}]);
    await until('the other tab has it', () => text(other) === 'aHello');
    expect(await undo[1]!.undo()).to.equal(true);
    await until('it is undone in both', () => text(one) === 'Hello' && text(other) === 'Hello');
  });

  it('drop steps that the server refuses, and nothing else', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    stage.backend.use('submit', (context, next) => next(JSON.stringify(context.op).includes('"delete":2') ? new Error('No') : undefined));
    expect(await one.submitOp([{retain: 2}, {delete: 2}]).catch((error: Error) => error.message)).to.equal('No');
    await stage.settle();
    expect(await undo[1]!.undo()).to.equal(true);
    await stage.settle();
    expect([text(), undo[0]!.canUndo, undo[1]!.canUndo]).to.eql(['Hello', false, false]);
  });

  it('keep a step of which the server refuses the undo', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    let refuses = true;
    stage.backend.use('submit', (_context, next) => next(refuses ? new Error('Read only') : undefined));
    const errors: string[] = [];
    undo[1]!.on('error', error => errors.push(error.message));
    await undo[1]!.undo();
    await until('it is taken back in both tabs', () => errors.length === 1 && stage.tabs.every(doc => text(doc) === 'aHello'));
    refuses = false;
    await until('both can undo it', () => undo.every(({canUndo, canRedo}) => canUndo && !canRedo));
    expect(await undo[0]!.undo()).to.equal(true);
    await stage.settle();
    expect([text(), undo[1]!.canUndo]).to.eql(['Hello', false]);
  });

  it('undo a step of several documents in all of them', async () => {
    await open({title: 'a'}, {captureTimeout: 1000}, client.types.defaultType!.uri);
    for (const manager of undo) manager.close();
    const more = stage.tabs.map(({connection}) => connection.get('docs', 'two'));
    await more[0]!.create({title: 'b'});
    for (const doc of more) await doc.subscribe();
    undo = stage.tabs.map((doc, i) => new UndoManager([doc, more[i]!], {scope: 'browser', captureTimeout: 1e9}));
    void one.submitOp([{p: ['title'], od: 'a', oi: 'x'}]);
    await more[0]!.submitOp([{p: ['title'], od: 'b', oi: 'y'}]);
    await until('the other tab has both', () => other.data.title === 'x' && more[1]!.data.title === 'y');
    await undo[1]!.undo();
    await until('it is undone', () => one.data.title === 'a' && more[0]!.data.title === 'b');
    await undo[0]!.redo();
    await until('it is redone', () => other.data.title === 'x' && more[1]!.data.title === 'y');
  });

  it('keep as many steps as the limit says, in each tab', async () => {
    await open(undefined, {limit: 2});
    for (const character of 'abc') await one.submitOp([{insert: character}]);
    await stage.settle();
    while (await undo[1]!.undo());
    await stage.settle();
    expect(text()).to.equal('aHello');
    expect(undo.map(({canUndo}) => canUndo)).to.eql([false, false]);
  });

  it('group what one tab does in a row', async () => {
    await open(undefined, {captureTimeout: 1e9});
    for (const character of 'abc') void one.submitOp([{insert: character}]);
    undo[0]!.stopCapturing();
    void one.submitOp([{insert: 'd'}]);
    await stage.settle();
    await undo[1]!.undo();
    await stage.settle();
    expect(text()).to.equal('cbaHello');
    await undo[1]!.undo();
    await stage.settle();
    expect(text()).to.equal('Hello');
  });

  it('have nothing to undo for content that was inserted and removed in one step', async () => {
    await open(undefined, {captureTimeout: 1e9});
    await one.submitOp([{insert: 'a'}]);
    expect(undo.map(({canUndo}) => canUndo)).to.eql([true, true]);
    await one.submitOp([{delete: 1}]);
    await stage.settle();
    expect(undo.map(({canUndo}) => canUndo)).to.eql([false, false]);
    expect(await undo[1]!.undo()).to.equal(false);
  });

  it('do not change content that none of them has captured', async () => {
    await open(undefined, {sources: ['editor']});
    await one.submitOp([{insert: 'a'}], {source: 'editor'});
    await one.submitOp([{insert: 'b'}], {source: 'import'});
    await stage.settle();
    expect([await undo[1]!.undo(), await undo[1]!.undo()]).to.eql([true, false]);
    await stage.settle();
    expect(text()).to.equal('bHello');
  });

  it('give each step its meta in the tab that has made it', async () => {
    await open();
    const events: unknown[] = [];
    undo[0]!.on('stack-item-added', ({type, meta}) => {
      if (!meta.has('cursor')) meta.set('cursor', 7);
      events.push(['added', type, meta.get('cursor')]);
    });
    undo[0]!.on('stack-item-popped', ({type, meta}) => events.push(['popped', type, meta.get('cursor')]));
    void one.submitOp([{insert: 'a'}]);
    await undo[0]!.undo();
    await undo[0]!.redo();
    expect(events).to.eql([['added', 'undo', 7], ['popped', 'undo', 7], ['added', 'redo', 7], ['popped', 'redo', 7], ['added', 'undo', 7]]);
  });

  it('drop all steps with clear(), including those that the host has not received', async () => {
    await open();
    void one.submitOp([{insert: 'a'}]);
    expect(undo[0]!.canUndo).to.equal(true);
    undo[0]!.clear();
    await stage.settle();
    expect([undo[0]!.canUndo, undo[1]!.canUndo]).to.eql([false, true]);
  });

  it('let a tab wait at most some seconds for a tab that is frozen in its turn', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    await one.connection.callHost('undo.turn', 'of a tab that says no more');
    expect(await undo[1]!.undo()).to.equal(true);
  }).timeout(20_000);

  it('let a tab that has waited long for its turn undo in this turn', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    const order: string[] = [];
    await one.connection.callHost('undo.turn', 'of a tab that is frozen');
    const undoing = undo[1]!.undo().then(() => order.push('undone'));
    await other.connection.callHost('host.inspect', null);
    const next = one.connection.callHost('undo.turn', 'of another tab that is frozen').then(() => order.push('next'));
    await Promise.all([undoing, next]);
    expect(order).to.eql(['undone', 'next']);
  }).timeout(20_000);

  it('let no tab wait for a tab that has paused a document', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    await stage.settle();
    one.pause();
    void one.submitOp([{insert: 'b'}]);
    const waiting = undo[0]!.undo();
    await one.connection.callHost('host.inspect', null);
    const began = Date.now();
    expect(await undo[1]!.undo()).to.equal(true);
    expect(Date.now() - began).to.be.below(4000);
    one.resume();
    expect(await waiting).to.equal(true);
    await stage.settle();
    expect(text()).to.equal('Hello');
  });

  it('end when they are closed, with or without a host', async () => {
    await open();
    await one.submitOp([{insert: 'a'}]);
    stage.host.close();
    await until('it is lost', () => one.connection.hostState !== 'connected');
    const undoing = undo[0]!.undo();
    undo[0]!.close();
    expect([await undoing, await undo[0]!.undo()]).to.eql([false, false]);
  });

  it('end when their connection is closed', async () => {
    await open();
    stage.host.close();
    await until('it is lost', () => one.connection.hostState !== 'connected');
    const undoing = undo[0]!.undo();
    one.connection.close();
    expect(await undoing).to.equal(false);
  });

  it("report unsupported operations", async () => {
    await open();
    expect(() => new UndoManager(one, {scope: 'browser'})).to.throw('Close that manager first');
    expect(() => new UndoManager(stage.remotes[0]!, {scope: 'browser'})).to.throw(TypeError, 'createConnection');
    expect(() => new UndoManager(one, {scope: 'world' as 'tab'})).to.throw(RangeError, 'scope');
    undo[0]!.close();
    undo[0] = new UndoManager(one, {scope: 'browser'});
  });
});
