import {expect} from 'chai';
import {FrameSender} from '../../lib/tab/frame-sender.js';
import type {Case} from '../simulator/cases.js';
import {allEdits} from '../simulator/edits.js';
import {World} from '../simulator/world.js';

/** The number of walks of each kind: 2 in `npm test`, 20 in CI. */
const COUNT = Math.ceil(Number(process.env['SEEDS'] ?? 500) / 250);
/** Runs one: `SEED=17 WALK='a quiet network'`. */
const {SEED, WALK} = process.env;

const [edits] = allEdits;

const cases: Record<string, Case> = {
  'a quiet network': {services: true},
  'networks and sessions that break': {services: true, outages: true, breaks: true},
  'hosts that die with calls under way': {services: true, crashes: true, outages: true},
  'hosts that live on when another one has taken over': {services: true, usurpers: true},
  'pages that die, freeze and are put away': {services: true, freezes: true, pagesDie: true, pagesGo: true, crashes: true}
};

describe('random walks of tabs that call a service', function () {
  this.timeout(600_000);

  for (const [name, circumstances] of Object.entries(cases)) {
    if (WALK !== undefined && WALK !== name) continue;
    it(`show its ops when calls end, and leave no call open: ${name}`, async () => {
      const [first, count] = SEED === undefined ? [1, COUNT] : [Number(SEED), 1];
      for (let seed = first; seed < first + count; seed++) {
        const problems = await new World({seed, edits: edits!, durability: undefined, ...circumstances}).run();
        expect(problems, `replay with: SEED=${seed} WALK='${name}' npx mocha test/remote/service-walks.test.ts\n`).to.eql([]);
      }
    });
  }

  it('find calls that do not wait for the ops before them', async () => {
    const prototype = FrameSender.prototype as unknown as {flushDocs(): unknown[]};
    const {flushDocs} = prototype;
    prototype.flushDocs = () => [];
    try {
      const problems: string[] = [];
      for (let seed = 1; seed <= 3 && !problems.length; seed++) problems.push(...await new World({seed, edits: edits!, durability: undefined, ...cases['a quiet network']!}).run());
      expect(problems.join()).to.match(/does not (?:show|see)/);
    } finally {
      prototype.flushDocs = flushDocs;
    }
  });
});
