import {expect} from 'chai';
import {forbiddenCode, forbiddenWord} from '../server/forbidden.js';
import {refused, settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {sockets} from './server-control.js';
import {plain, KarmaStage} from './stage.js';

describe('tabs of one SharedWorker', () => {
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  it('share one WebSocket', async () => {
    const tabs = [await stage.openFrame(), await stage.openFrame()];
    for (const {connection} of tabs) await stage.subscribe(connection);
    expect(tabs.map(({connection}) => connection.mode)).to.eql(['shared-worker', 'shared-worker']);
    expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
  });

  it('show an op at once in its own tab, and then in the other tab, in both directions', async () => {
    const first = await stage.subscribe((await stage.openFrame()).connection);
    const second = await stage.subscribe((await stage.openFrame()).connection);
    await settled(done => first.create({list: []}, done));
    await until('the other tab has the document', () => second.data !== undefined);

    first.submitOp([{p: ['list', 0], li: 'from the first'}]);
    expect(plain(first)).to.eql({list: ['from the first']});
    await until('the second tab shows it', () => second.data.list.length === 1);

    second.submitOp([{p: ['list', 1], li: 'from the second'}]);
    expect(plain(second)).to.eql({list: ['from the first', 'from the second']});
    await until('the first tab shows it', () => first.data.list.length === 2);
    expect(plain(first)).to.eql(plain(second));
  });

  it('show edits made before they were opened', async () => {
    const [first, second] = [await stage.openFrame(), await stage.openFrame()];
    const doc = await stage.subscribe(first.connection);
    await stage.subscribe(second.connection);
    await settled(done => doc.create({text: 'written before'}, done));

    const third = await stage.subscribe((await stage.openFrame()).connection);
    expect(plain(third)).to.eql({text: 'written before'});
    expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
  });

  it('request their first documents, and edit, before their host has answered', async () => {
    const first = await stage.subscribe((await stage.openFrame()).connection);
    await settled(done => first.create({list: ['here']}, done));
    const {connection} = (await stage.loadFrame())();
    const sent: unknown[] = [];
    connection.on('send', message => sent.push((message as {a: string}).a));
    const doc = connection.get('stages', stage.id);
    const other = connection.get('stages', `${stage.id}, too`);
    const done = [settled(done => doc.subscribe(done)), settled(done => other.create({list: ['new']}, done))];
    await Promise.resolve();
    expect([connection.hostState, connection.state, connection.canSend, sent[0]]).to.eql(['connecting', 'connecting', true, 's']);
    await Promise.all(done);
    expect(plain(doc)).to.eql({list: ['here']});
    const theirs = first.connection.get('stages', `${stage.id}, too`);
    await settled(done => theirs.fetch(done));
    expect(plain(theirs)).to.eql({list: ['new']});
  });

  it('may be windows', async () => {
    const frame = await stage.subscribe((await stage.openFrame()).connection);
    const opened = await stage.openWindow();
    const doc = await stage.subscribe(opened.connection);
    expect(opened.connection.mode).to.equal('shared-worker');
    await settled(done => doc.create({from: 'the window'}, done));
    await until('the frame shows it', () => frame.data !== undefined);
    expect(plain(frame)).to.eql({from: 'the window'});
    expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
  });

  it("return to the server's state after a rejected op, whose callback gets the server's code", async () => {
    const first = await stage.subscribe((await stage.openFrame()).connection);
    const second = await stage.subscribe((await stage.openFrame()).connection);
    await settled(done => first.create({text: 'fine'}, done));
    await until('the other tab has the document', () => second.data !== undefined);

    const error = await refused(done => first.submitOp([{p: ['text', 4], si: forbiddenWord}], {}, done));
    expect(error.code).to.equal(forbiddenCode);
    expect(plain(first)).to.eql({text: 'fine'});
    await until('the second tab shows it too', () => second.data.text === 'fine');
    expect(plain(await stage.fetchFromServer())).to.eql({text: 'fine'});

    await settled(done => first.submitOp([{p: ['text', 4], si: ' again'}], {}, done));
    await until('the next op arrives', () => second.data.text === 'fine again');
  });

  it("keep their own edit when another tab's is rejected", async () => {
    const first = await stage.subscribe((await stage.openFrame()).connection);
    const second = await stage.subscribe((await stage.openFrame()).connection);
    await settled(done => first.create([{insert: 'text'}], 'rich-text', done));
    await until('the other tab has the document', () => second.data !== undefined);

    const rejection = refused(done => first.submitOp([{insert: forbiddenWord}], {}, done));
    const acceptance = settled(done => second.submitOp([{retain: 4}, {insert: '!'}], {}, done));
    expect((await rejection).code).to.equal(forbiddenCode);
    await acceptance;
    const expected = {ops: [{insert: 'text!'}]};
    await until('both tabs show it', () => [first, second].every(doc => doc.data.length() === 5));
    expect(plain(first)).to.eql(expected);
    expect(plain(second)).to.eql(expected);
    expect(plain(await stage.fetchFromServer())).to.eql(expected);
  });

  it('continue when one of them closes its connection', async () => {
    const [first, second] = [await stage.openFrame(), await stage.openFrame()];
    const doc = await stage.subscribe(second.connection);
    await stage.subscribe(first.connection);
    first.connection.close();
    await settled(done => doc.create({still: 'here'}, done));
    expect(plain(await stage.fetchFromServer())).to.eql({still: 'here'});
    expect(await sockets(stage.path)).to.eql({open: 1, total: 1});
  });

  it('continue when the tab that started the worker is closed', async () => {
    const first = await stage.openFrame();
    await stage.subscribe(first.connection);
    const second = await stage.openFrame();
    const doc = await stage.subscribe(second.connection);
    first.close();
    await settled(done => doc.create({still: 'here'}, done));
    expect(plain(await stage.fetchFromServer())).to.eql({still: 'here'});
  });

  it('exchange edits with another client', async () => {
    const first = await stage.subscribe((await stage.openFrame()).connection);
    const second = await stage.subscribe((await stage.openFrame()).connection);
    const remote = await stage.subscribe(stage.remote());
    await settled(done => remote.create({list: ['remote']}, done));
    await until('both tabs show it', () => [first, second].every(({data}) => data?.list[0] === 'remote'));
    second.submitOp([{p: ['list', 1], li: 'tab'}]);
    await until('the remote client shows it', () => remote.data.list[1] === 'tab');
    expect(plain(first)).to.eql({list: ['remote', 'tab']});
  });
});
