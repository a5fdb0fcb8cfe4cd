import {expect} from 'chai';
import ShareDB from 'sharedb';
import PostgresDB from 'sharedb-postgres';
import {NotesDb} from '../../examples/scale-out/notes-db.js';
import {Postgres, createTables, query} from '../../examples/scale-out/postgres.js';
import {settled} from '../waiting/settled.js';

describe('the database', function () {
  this.timeout(400_000);
  let postgres: Postgres;
  let db: NotesDb;
  let backend: ShareDB;
  const lost: string[] = [];

  before('start PostgreSQL', async () => {
    postgres = await Postgres.start();
    await createTables(postgres.url);
    db = new NotesDb({connectionString: postgres.url}, message => lost.push(message));
    backend = new ShareDB({db: db as unknown as ShareDB.DB});
  });

  after('stop PostgreSQL', async () => {
    await new Promise(resolve => backend?.close(resolve));
    await postgres?.close();
  });

  const snapshotOf = (id: string, of: PostgresDB = db): Promise<{v: number; data: unknown; type: string | null}> =>
    new Promise((resolve, reject) => of.getSnapshot('notes', id, null, null, (error, snapshot) => (error ? reject(error) : resolve(snapshot!))));

  async function create(id: string, data: unknown): Promise<ShareDB.Doc> {
    const doc = backend.connect().get('notes', id);
    await settled(done => doc.create(data, done));
    return doc as unknown as ShareDB.Doc;
  }

  for (const data of ['', 0, false, null, [], 'text']) {
    it(`keeps ${JSON.stringify(data)}`, async () => {
      const id = `falsy ${JSON.stringify(data)}`;
      await create(id, data);
      expect((await snapshotOf(id)).data).to.eql(data);
    });
  }

  // If this fails, the adapter is repaired, and this part of NotesDb can go.
  it('would lose an empty text if it used the adapter alone', async () => {
    const plain = new PostgresDB({connectionString: postgres.url});
    await create('empty', '');
    expect((await snapshotOf('empty', plain)).data).to.equal(undefined);
    plain.close();
  });

  it('has no data of a deleted document', async () => {
    const doc = await create('deleted', {text: 'x'});
    await settled(done => doc.del({}, done));
    expect(await snapshotOf('deleted')).to.include({v: 2, type: null, data: undefined});
  });

  it('keeps lone surrogates and U+0000, which edits of texts contain', async () => {
    const doc = await create('halves', {text: '\u{1f600}\0'});
    // What a text field makes of another face in its place.
    await settled(done => doc.submitOp([{p: ['text', 1], sd: '\ude00'}], {}, done));
    await settled(done => doc.submitOp([{p: ['text', 1], si: '\ude01'}], {}, done));
    expect((await snapshotOf('halves')).data).to.eql({text: '\u{1f601}\0'});
  });

  it('finds an op by its author without reading the rest of the log', async () => {
    const doc = await create('found', {n: 0});
    for (let n = 0; n < 3; n++) await settled(done => doc.submitOp([{p: ['n'], na: 1}], {}, done));
    const [op] = await query<{src: string; seq: string}>(postgres.url, "SELECT src, seq FROM ops WHERE doc_id = 'found' AND version = 3");
    const version = await new Promise((resolve, reject) => db.getCommittedOpVersion(
      'notes', 'found', {id: 'found', v: 4, type: null, data: null, m: null}, {src: op!.src, seq: Number(op!.seq)}, null,
      (error, found) => (error ? reject(error) : resolve(found))
    ));
    expect(version).to.equal(2);
    // With a few rows, PostgreSQL would rather read all of them.
    const url = new URL(postgres.url);
    url.searchParams.set('options', '-c enable_seqscan=off');
    const plan = await query(url.href, `EXPLAIN SELECT version FROM ops
      WHERE collection = 'notes' AND doc_id = 'found' AND src = '${op!.src}' AND seq = ${Number(op!.seq)}`);
    expect(JSON.stringify(plan)).to.contain('ops_author');
  });

  it('gives a code to errors of a lost connection, so that clients send their ops again', async () => {
    await snapshotOf('empty');
    const running = query(postgres.url, 'SELECT pg_sleep(60)').catch((error: Error) => error);
    const asked = Array.from({length: 5}, () => new Promise<{code?: string} | null | undefined>(resolve => {
      db.getOps('notes', 'empty', 0, null, null, error => resolve(error));
    }));
    await postgres.crash();
    const errors = [...await Promise.all(asked), await snapshotOf('empty').catch((error: {code?: string}) => error as {code?: string})];
    await running;
    for (const error of errors) if (error) expect((error as {code?: string}).code).to.be.a('string');
    expect((errors.at(-1) as {code?: string}).code).to.be.a('string');
    await postgres.start();
    expect((await snapshotOf('empty')).data).to.equal('');
  });

  it('commits one of two ops with the same version', async () => {
    await create('raced', {text: ''});
    const commit = (src: string): Promise<boolean | undefined> => new Promise((resolve, reject) => {
      const snapshot = {id: 'raced', v: 2, type: 'json0', data: {text: src}, m: {}};
      db.commit('notes', 'raced', {src, seq: 1, v: 1, op: []}, snapshot, null, (error, done) => (error ? reject(error) : resolve(done)));
    });
    const done = await Promise.all(['a', 'b', 'c'].map(commit));
    expect(done.filter(Boolean)).to.have.length(1);
  });
});
