import {expect} from 'chai';
import {createClient} from 'redis';
import {settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {DeploymentStage} from './stage.js';

describe('all clients get the current state, without another edit,', function () {
  this.timeout(400_000);
  let stage: DeploymentStage;

  beforeEach(() => { stage = new DeploymentStage(); });

  afterEach(() => stage.close());

  it('when Redis runs again, with the edits and documents that were made while it was down', async () => {
    const {redis} = stage.deployment;
    const writer = await stage.plainClient('cleo', 0).open(stage.note);
    await settled(done => writer.create({text: 'before'}, done));
    const reader = await stage.plainClient('cleo', 1).open(stage.note);
    const profile = await stage.profile('a profile');
    const tabs = [await profile.openTab('ada', stage.note), await profile.openTab('ada', stage.note)];

    await redis!.crash();
    await settled(done => writer.submitOp([{p: ['text', 6], si: ', and while it was away'}], {}, done));
    const created = `${stage.note}-while-away`;
    await settled(done => stage.clients[0]!.connection.get('notes', created).create({text: ''}, done));
    // The servers have no other way to tell it.
    expect(reader.data.text).to.equal('before');
    await redis!.start();

    await until('the plain client at the other server has it', () => reader.data.text === 'before, and while it was away', PATIENCE);
    for (const tab of tabs) {
      await until(`${tab.name} shows it`, async () => await tab.text() === 'before, and while it was away', PATIENCE);
      await until(`${tab.name} lists what was created`, async () => (await tab.shown('list')).includes(created), PATIENCE);
    }
    await until('both plain clients were closed with 1012', () => stage.clients.every(({codes}) => codes.includes(1012)), PATIENCE);
  });

  it('after the servers have lost their subscriptions, and messages were published meanwhile', async () => {
    const writer = await stage.plainClient('cleo', 0).open(stage.note);
    await settled(done => writer.create({text: 'before'}, done));
    const reader = await stage.plainClient('cleo', 1).open(stage.note);
    const tab = await (await stage.profile('a profile')).openTab('ada', stage.note);

    const redis = await createClient({url: stage.deployment.redis!.url}).connect();
    try {
      await redis.sendCommand(['ACL', 'SETUSER', 'default', '-subscribe']);
      await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
      await settled(done => writer.submitOp([{p: ['text', 6], si: ', and in that moment'}], {}, done));
    } finally {
      await redis.sendCommand(['ACL', 'SETUSER', 'default', '+subscribe']);
      await redis.close();
    }

    await until('the plain client at the other server has it', () => reader.data.text === 'before, and in that moment', PATIENCE);
    await until('the tab shows it', async () => await tab.text() === 'before, and in that moment', PATIENCE);
    await until('both plain clients were closed with 1012', () => stage.clients.every(({codes}) => codes.includes(1012)), PATIENCE);
  });

  it('when the network works again after the log was trimmed; unsent edits from before are dead letters', async () => {
    const others = await stage.plainClient('cleo', 0).open(stage.note);
    await settled(done => others.create({text: 'The beginning'}, done));
    const profile = await stage.profile('a profile');
    const tabs = [await profile.openTab('ada', stage.note), await profile.openTab('ada', stage.note)];
    await tabs[0]!.putCursorAtEnd();

    await profile.network.close();
    await until('the tab is offline', async () => await tabs[0]!.shown('state') !== 'connected', PATIENCE);
    await tabs[0]!.type('!');
    await until('the other tab shows the edit', async () => await tabs[1]!.text() === 'The beginning!', PATIENCE);
    for (const word of ['B', 'A', '']) await settled(done => others.submitOp([{p: ['text', 0], si: word}], {}, done));
    expect(await stage.trim({days: 0, keep: 0})).to.be.above(0);
    await profile.network.open();

    for (const tab of tabs) {
      await until(`${tab.name} tells of the lost edit`, async () => await tab.shown('letters') === '1', PATIENCE);
      await until(`${tab.name} shows what the server has`, async () => await tab.text() === 'ABThe beginning', PATIENCE);
      await until(`${tab.name} tells that the edit is refused`, async () => await tab.shown('saved') === 'refused', PATIENCE);
    }
    await tabs[1]!.putCursorAtEnd();
    await tabs[1]!.type('.');
    await until('the note can be edited', () => others.data.text === 'ABThe beginning.', PATIENCE);
  });
});
