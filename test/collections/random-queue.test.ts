import {expect} from 'chai';
import {isDeepStrictEqual} from 'node:util';
import {SharedQueue} from '../../lib/collections.js';
import {Random} from '../support/random.js';
import {MAX_ATTEMPTS, QueueModel, stateOf} from './queue-model.js';
import {CollectionsStage} from './stage.js';
import {VirtualTime} from './virtual-time.js';

const SEED = Number(process.env['SEED'] ?? 1);
/** The number of histories of each kind. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 10);
/** The steps of a history, at most. */
const STEPS = 30;

interface Kind {
  name: string;
  scope: 'local' | 'synced';
  options: ConstructorParameters<typeof CollectionsStage>[0];
  /** Hosts may die. */
  crashes: boolean;
}

const kinds: Kind[] = [
  {name: 'local', scope: 'local', options: {}, crashes: true},
  {name: 'synced', scope: 'synced', options: {online: true}, crashes: true},
  {name: 'with a host in the page, and no store', scope: 'local', options: {place: 'direct', store: false}, crashes: false}
];

describe('random programs of several tabs with a queue', function () {
  this.timeout(120_000 + HISTORIES * 1_000);

  for (const kind of kinds) {
    it(`that is ${kind.name}: as an array, call by call`, async () => {
      for (let seed = SEED; seed < SEED + HISTORIES; seed++) await VirtualTime.run(time => history(kind, seed, time));
    });
  }

  async function history({scope, options, crashes}: Kind, seed: number, time: VirtualTime): Promise<void> {
    const random = new Random(seed);
    const stage = new CollectionsStage(options);
    const model = new QueueModel(scope === 'synced');
    try {
      const queues = await time.settled(Promise.all([1, 2, 3].map(() => SharedQueue.open<number>(stage.openTab(), 'q', {scope, maxAttempts: MAX_ATTEMPTS}))));
      for (let steps = 1 + random.below(STEPS); steps; steps--) {
        const where = `SEED=${seed}, ${steps} steps before the end`;
        const step = model.step(random, random.pick(queues));
        if (crashes && random.below(20) === 0) stage.replaceHost();
        const [is, expected] = await time.settled(step);
        if (!isDeepStrictEqual(is, expected)) expect(is, where).to.eql(expected);
        await time.until(`all tabs show ${JSON.stringify(model.state)}, ${where}`, () => queues.every(queue => isDeepStrictEqual(stateOf(queue), model.state)))
          .catch((error: Error) => { throw new Error(`${error.message}; they show ${JSON.stringify(queues.map(stateOf))}`); });
      }
      if (stage.errors.length) expect(stage.errors, `SEED=${seed}`).to.eql([]);
    } finally {
      stage.close();
    }
  }
});
