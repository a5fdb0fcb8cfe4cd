import {expect} from 'chai';
import {allEdits} from '../simulator/edits.js';
import {World, type Walk} from '../simulator/world.js';

const SEEDS = Number(process.env['SEEDS'] ?? 500);
/** Replays one: `SEED=17 npm run test:node`. */
const ONLY = process.env['SEED'];

const CASES: Record<string, Partial<Walk>> = {
  'a quiet network': {},
  'a server that comes and goes': {outages: true},
  'sessions that break': {breaks: true, outages: true},
  'a server that rejects 5 % of the ops': {rejections: 5},
  'pages that go away and leave a last word': {pagesGo: true, outages: true},
  'a host that dies, and another one that takes over from the store': {crashes: true, outages: true, rejections: 2}
};

describe('random edits of three tabs and two remote clients', function() {
  this.timeout(240_000);
  for (const edits of allEdits) {
    for (const [name, circumstances] of Object.entries(CASES)) {
      it(`converge, each op exactly once: ${edits.type}, ${name}`, async () => {
        // The host's death is the case with the most ways to go wrong.
        const share = Math.ceil((circumstances.crashes ? 2 : 1) * SEEDS / allEdits.length);
        const first = ONLY ? Number(ONLY) : 1;
        for (let seed = first; seed < first + (ONLY ? 1 : share); seed++) {
          const problems = await new World({seed, edits, ...circumstances}).run();
          expect(problems, `replay with SEED=${seed}, ${edits.type}, ${name}`).to.eql([]);
        }
      });
    }
  }
});
