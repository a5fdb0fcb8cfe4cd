import {expect} from 'chai';
import {refused, settled} from '../waiting/settled.js';
import {until} from '../waiting/until.js';
import {PATIENCE} from './patience.js';
import {DeploymentStage} from './stage.js';

describe('access', function () {
  this.timeout(400_000);
  let stage: DeploymentStage;

  beforeEach(() => { stage = new DeploymentStage(); });

  afterEach(() => stage.close());

  it("to other users' notes is refused, also in a browser that has stored them", async () => {
    const profile = await stage.profile('a profile');
    const own = await profile.openTab('ada', 'ada:diary');
    await own.putCursorAtEnd();
    await own.type('secret');
    await until('it is saved', async () => await own.shown('saved') === 'saved', PATIENCE);

    const other = await profile.openTab('ben', 'ada:diary');
    await until('the other user is told', async () => (await other.shown('error')).includes('ben may not read notes ada:diary'), PATIENCE);
    expect(await other.text()).to.equal('');
    expect(await own.text()).to.equal('secret');
  });

  it('is refused to a client that follows the note only through ops', async () => {
    const {connection} = stage.plainClient('ben', 0);
    const owner = stage.plainClient('ada', 1).connection.get('notes', `ada:${stage.note}`);
    await settled(done => owner.create({text: 'secret'}, done));
    const doc = connection.get('notes', owner.id);
    // A client that says that it has the document: it asks for the ops since.
    doc.version = 0;
    doc.type = owner.type;
    doc.data = {text: ''};
    const told: unknown[] = [];
    doc.on('error', error => told.push(error));
    doc.on('op', () => told.push('an op'));
    expect((await refused(done => doc.subscribe(done))).code).to.equal('ERR_FORBIDDEN');
    expect(told).to.eql([]);
  });

  it('to notices is read-only', async () => {
    const editors = stage.plainClient('ada', 0).connection.get('notes', `notice:${stage.note}`);
    await settled(done => editors.create({text: 'Closed on Monday'}, done));
    const readers = await stage.plainClient('ben', 1).open(editors.id);
    expect(readers.data.text).to.equal('Closed on Monday');
    expect((await refused(done => readers.submitOp([{p: ['text', 0], si: 'Not '}], {}, done))).code).to.equal('ERR_FORBIDDEN');
    await until('the edit is taken back', () => readers.data.text === 'Closed on Monday', PATIENCE);
  });

  it('to the queries and presence of other users is refused', async () => {
    const {connection} = stage.plainClient('ben', 0);
    const error = await refused(done => connection.createFetchQuery('notes', {prefix: ''}, {}, done));
    expect(error.code).to.equal('ERR_FORBIDDEN');
    const presence = connection.getPresence('notes.ada:diary').create('here');
    expect((await refused(done => presence.submit({at: 1}, done))).code).to.equal('ERR_FORBIDDEN');
  });
});
