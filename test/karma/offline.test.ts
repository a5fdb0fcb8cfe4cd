import {expect} from 'chai';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {sockets, startServer, stopServer} from './server-control.js';
import {plain, KarmaStage, type Tab} from './stage.js';

describe('while the server is unreachable', () => {
  let stage: KarmaStage;
  let tabs: Tab[];

  beforeEach(async () => {
    stage = new KarmaStage();
    tabs = [await stage.openFrame(), await stage.openFrame()];
  });

  afterEach(() => stage.close());

  async function goOffline(): Promise<void> {
    await stopServer();
    await until('the tabs know', () => tabs.every(({connection}) => connection.state !== 'connected'));
  }

  it("tabs see each other's edits, and the server receives them later", async () => {
    const docs = await Promise.all(tabs.map(({connection}) => stage.subscribe(connection)));
    const [first, second] = docs as [typeof docs[0], typeof docs[0]];
    await settled(done => first.create({list: []}, done));
    await until('the other tab has the document', () => second.data !== undefined);
    await goOffline();

    const acknowledged = [
      settled(done => first.submitOp([{p: ['list', 0], li: 'first'}], {}, done)),
      settled(done => second.submitOp([{p: ['list', 0], li: 'second'}], {}, done))
    ];
    await until('both tabs show both edits', () => docs.every(({data}) => data.list.length === 2));
    expect(plain(first)).to.eql(plain(second));
    expect(docs.map(doc => doc.hasWritePending())).to.eql([true, true]);

    await startServer();
    await Promise.all(acknowledged);
    expect(docs.map(doc => doc.hasWritePending())).to.eql([false, false]);
    expect(plain(await stage.fetchFromServer())).to.eql(plain(first));
    expect(await sockets(stage.path)).to.eql({open: 1, total: 2});
  });

  it('a new tab shows the document with the unsent edits', async () => {
    const first = await stage.subscribe(tabs[0]!.connection);
    await settled(done => first.create({text: 'before'}, done));
    await goOffline();
    first.submitOp([{p: ['text', 6], si: ' and after'}]);

    const third = await stage.subscribe((await stage.openFrame()).connection);
    await until('it shows them', () => third.data.text === 'before and after');
    await startServer();
    await settled(done => third.submitOp([{p: ['text', 0], si: 'third: '}], {}, done));
    expect(plain(await stage.fetchFromServer())).to.eql({text: 'third: before and after'});
  });

  it('edits of another client arrive when it is reachable again', async () => {
    const [first, second] = [await stage.subscribe(tabs[0]!.connection), await stage.subscribe(tabs[1]!.connection)];
    await settled(done => first.create({list: ['start']}, done));
    await goOffline();
    first.submitOp([{p: ['list', 1], li: 'offline'}]);
    await startServer();
    const remote = await stage.subscribe(stage.remote());
    await settled(done => remote.submitOp([{p: ['list', 0], li: 'remote'}], {}, done));
    await until('everybody has both', () => [first, second, remote].every(({data}) => data.list.length === 3));
    expect(plain(first)).to.eql({list: ['remote', 'start', 'offline']});
    expect(plain(second)).to.eql(plain(first));
    expect(plain(remote)).to.eql(plain(first));
  });
});
