import {expect} from 'chai';
import type {Doc} from 'sharedb/lib/client/index.js';
import {settled} from '../waiting/settled.js';
import {turn} from '../waiting/turn.js';
import {until} from '../waiting/until.js';
import {Random} from '../support/random.js';
import {allEdits, type Edits} from './random-edits.js';
import {settings} from './server-control.js';
import {plain, KarmaStage} from './stage.js';

const rounds = 60;

describe('two tabs and another client', () => {
  let stage: KarmaStage;

  beforeEach(() => {
    stage = new KarmaStage();
  });

  afterEach(() => stage.close());

  for (const edits of allEdits) {
    it(`converge after random concurrent edits of ${edits.type}`, () => seeded(async random => {
      const remote = await stage.subscribe(stage.remote());
      await settled(done => remote.create(edits.start, edits.type, done));
      const docs = [
        await stage.subscribe((await stage.openFrame()).connection),
        await stage.subscribe((await stage.openFrame()).connection),
        remote
      ];

      const count = await editAtOnce(docs, edits, random, () => roundTrip(remote));
      await Promise.all(docs.map(doc => new Promise<void>(resolve => doc.whenNothingPending(resolve))));
      await until('all have the same version', () => new Set(docs.map(({version}) => version)).size === 1);

      const onServer = plain(await stage.fetchFromServer());
      for (const doc of docs) expect(plain(doc)).to.eql(onServer);
      if (edits.type === 'json0') expect(onServer).to.have.property('count', count);
    }));
  }
});

/** Returns the number of submitted ops. Between some rounds, workers and the server handle messages. */
async function editAtOnce(docs: Doc[], edits: Edits, random: Random, askServer: () => Promise<void>): Promise<number> {
  let count = 0;
  for (let round = 0; round < rounds; round++) {
    for (const doc of docs) {
      if (random.below(3) === 0) continue;
      doc.submitOp(edits.next(doc.data as never, random, `<${count}>`));
      count++;
    }
    for (let turns = random.below(4); turns > 0; turns--) await turn();
    if (random.below(4) === 0) await askServer();
  }
  return count;
}

/** Takes as long as an op and its acknowledgement. */
function roundTrip({connection}: Doc): Promise<void> {
  return new Promise(resolve => {
    connection.once('pong', resolve);
    connection.ping();
  });
}

/** Runs a test with a seed that a failure prints; the environment variable SEED replays it. */
async function seeded(test: (random: Random) => Promise<void>): Promise<void> {
  const seed = settings.seed ? Number(settings.seed) : crypto.getRandomValues(new Uint32Array(1))[0]!;
  try {
    await test(new Random(seed));
  } catch (error) {
    throw new Error(`with SEED=${seed}: ${(error as Error).message}`, {cause: error});
  }
}
