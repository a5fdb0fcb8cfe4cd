import {expect} from 'chai';
import type {StoreDurability} from '../../lib/protocol/store-durability.js';
import {cases} from '../simulator/cases.js';
import {allEdits} from '../simulator/edits.js';
import {World} from '../simulator/world.js';

/** The total number of walks. */
const SEEDS = Number(process.env['SEEDS'] ?? 500);
/** Runs one walk: `SEED=17 WALK='json0, a quiet network'`. */
const {SEED, WALK} = process.env;
/** What all stores do: `DURABILITY=delayed`. Default: those of every second host show edits before they are written. */
const durability = process.env['DURABILITY'] as StoreDurability | undefined;

const weights = Object.values(cases).reduce((sum, {weight = 1}) => sum + weight, 0) * allEdits.length;

describe('random walks of tabs, hosts, remote clients and a server', function() {
  this.timeout(20 * 60_000);
  for (const edits of allEdits) {
    for (const [name, {weight = 1, ...circumstances}] of Object.entries(cases)) {
      const walk = `${edits.type}, ${name}`;
      if (WALK !== undefined && walk !== WALK) continue;
      it(`converge, each op exactly once: ${walk}`, async () => {
        const [first, count] = SEED === undefined ? [1, Math.ceil(weight * SEEDS / weights)] : [Number(SEED), 1];
        for (let seed = first; seed < first + count; seed++) {
          const problems = await new World({seed, edits, durability, ...circumstances}).run();
          expect(problems, `replay with: SEED=${seed} WALK='${walk}' npx mocha test/node/random.test.ts\n`).to.eql([]);
        }
      });
    }
  }

  it('converge if a host that could not write had placed an op, and the tab had restarted the document when the host died', async () => {
    const edits = allEdits.find(({type}) => type === 'json0')!;
    const circumstances = cases['a disk that fails, below hosts that all tell of edits before they write them'];
    expect(await new World({seed: 216, edits, ...circumstances}).run()).to.eql([]);
  });

  it('converge if a text and a number are edited while another database has other values', async () => {
    const edits = allEdits.find(({type}) => type === 'json0')!;
    const circumstances = cases['a host that dies while its server starts again with another database'];
    for (const seed of [260, 315, 371]) expect(await new World({seed, edits, ...circumstances}).run(), `seed ${seed}`).to.eql([]);
  });

  it('converge if a state is compared while tabs make further ops, or while there are unsent ops', async () => {
    const below = 'edits inside of what the other database of a server lacks';
    for (const [type, name, seeds] of [
      ['rich-text', below, [24, 33]], ['rich-text', `a host that dies, and ${below}`, [10, 67, 137, 236]], ['text-unicode', below, [25]], ['json0', below, [152]]
    ] as const) {
      const edits = allEdits.find(each => each.type === type)!;
      for (const seed of seeds) expect(await new World({seed, edits, ...cases[name]}).run(), `${type} ${seed}`).to.eql([]);
    }
  });

  it('converge if tabs return with revisions of a history that their host can\'t read', async () => {
    const edits = allEdits.find(({type}) => type === 'json0')!;
    for (const seed of [237, 270, 364, 381, 391]) {
      expect(await new World({seed, edits, ...cases['a host that dies, and a disk that can\'t read now and then']}).run(), `seed ${seed}`).to.eql([]);
    }
  });

  it('converge if tabs give up ops that they have sent again, and the disk contains these when it can read', async () => {
    for (const [type, seeds] of [['json0', [275, 303, 366]], ['rich-text', [297, 410]]] as const) {
      const edits = allEdits.find(each => each.type === type)!;
      for (const seed of seeds) {
        expect(await new World({seed, edits, ...cases['a host that dies, and a disk that can\'t read now and then']}).run(), `${type} ${seed}`).to.eql([]);
      }
    }
  });

  it('converge if a tab subscribes while its host connects, and may not read the document', async () => {
    const edits = allEdits.find(({type}) => type === 'json0')!;
    expect(await new World({seed: 24, edits, ...cases['documents that the user may not read for a while']}).run()).to.eql([]);
  });

  it('converge if a document may not be read after all edits on it were taken back', async () => {
    const edits = allEdits.find(({type}) => type === 'rich-text')!;
    const circumstances = cases['a host that dies, and a user who may not write some documents, or not read all ops'];
    for (const seed of [78, 86]) expect(await new World({seed, edits, ...circumstances}).run(), `seed ${seed}`).to.eql([]);
  });

  it('converge if a tab makes an op at the moment when its transaction is sent', async () => {
    const edits = allEdits.find(({type}) => type === 'json1')!;
    expect(await new World({seed: 12, edits, ...cases['transactions over plain documents']}).run()).to.eql([]);
  });

  it('are the same for the same seed', async () => {
    for (const edits of allEdits) {
      const walk = {seed: 1, edits, ...cases['everything at once']!};
      const [once, again] = [new World(walk), new World(walk)];
      await once.run();
      await again.run();
      expect(once.trace.length).to.be.greaterThan(200);
      expect(again.trace).to.eql(once.trace);
    }
  });
});
