import {expect} from 'chai';
import {allEdits} from '../simulator/edits.js';
import {World, type Walk} from '../simulator/world.js';

const SEEDS = Number(process.env['SEEDS'] ?? 500);
/** Replays one: `SEED=17 npm run test:node`. */
const ONLY = process.env['SEED'];

/** `weight`: how many walks, in proportion to the others. */
const CASES: Record<string, Partial<Walk> & {weight?: number}> = {
  'a quiet network': {},
  'a server that comes and goes': {outages: true},
  'sessions that break': {breaks: true, outages: true},
  'a server that rejects 5 % of the ops': {rejections: 5},
  'pages that go away and leave a last word': {pagesGo: true, outages: true},
  // The host's death is the case with the most ways to go wrong.
  'a host that dies, and another one that takes over from the store': {crashes: true, outages: true, rejections: 2, weight: 2},
  // What is forgotten in quiet moments, and may be missed later, is forgotten every so many ops.
  'a long day of dying hosts and broken sessions': {crashes: true, breaks: true, steps: 1000, weight: 0.05}
};

describe('random edits of three tabs and two remote clients', function() {
  this.timeout(240_000);
  for (const edits of allEdits) {
    for (const [name, {weight = 1, ...circumstances}] of Object.entries(CASES)) {
      it(`converge, each op exactly once: ${edits.type}, ${name}`, async () => {
        const share = Math.ceil(weight * SEEDS / allEdits.length);
        const first = ONLY ? Number(ONLY) : 1;
        for (let seed = first; seed < first + (ONLY ? 1 : share); seed++) {
          const problems = await new World({seed, edits, ...circumstances}).run();
          expect(problems, `replay with SEED=${seed}, ${edits.type}, ${name}`).to.eql([]);
        }
      });
    }
  }
});
