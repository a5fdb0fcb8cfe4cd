import {expect} from 'chai';
import {UndoManager} from '../../lib/undo.js';
import {Random} from '../karma/random.js';
import {histories, type History} from './histories.js';
import {Stage} from './stage.js';

/** How many histories of each type. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 50);
const {SEED} = process.env;

/**
 * Three tabs and two clients elsewhere write at once; then the first tab undoes all that it has done, and redoes it. What
 * OT can't give is left out by `histories`: see "What undo can't do" in docs/undo.md.
 */
describe('random histories of three tabs and two clients elsewhere', function() {
  this.timeout(15 * 60_000);

  for (const history of histories) {
    it(`undo leaves a ${history.type} document as if this tab had written nothing, redo as before`, async () => {
      const [first, count] = SEED === undefined ? [1, HISTORIES] : [Number(SEED), 1];
      for (let seed = first; seed < first + count; seed++) {
        const again = `replay with: SEED=${seed} npx mocha test/undo/random-histories.test.ts -g '${history.type}'`;
        await live(history, seed).catch((error: Error) => { throw new Error(`${again}\n${error.message}`, {cause: error}); });
      }
    });
  }
});

async function live(history: History, seed: number): Promise<void> {
  const random = new Random(seed);
  const world = history.begin(random);
  const stage = await Stage.open(history.uri, world.initial, {tabs: 3, remotes: 2});
  try {
    const own = stage.tabs[0]!;
    const undo = new UndoManager(own, {captureTimeout: random.pick([0, 1e9])});
    for (let step = 0; step < 25; step++) {
      const who = random.pick(stage.all);
      const op = world.makeOp(who.data, who === own);
      if (op !== undefined) (who as typeof own).submitOp(op, error => { if (error) throw error; });
      if (!random.below(4)) undo.stopCapturing();
      // Undone and redone on the way.
      if (!random.below(6)) await undo.undo();
      if (!random.below(6)) await undo.redo();
      for (let turns = random.below(4); turns > 0; turns--) await new Promise(setImmediate);
    }
    await stage.settle();
    while (await undo.redo());
    await stage.settle();
    const before = JSON.stringify(own.data);
    while (await undo.undo());
    await stage.settle();
    world.expectUndone(own.data);
    while (await undo.redo());
    await stage.settle();
    world.expectRedone(own.data, JSON.parse(before) as unknown);
    expect(undo.canRedo).to.equal(false);
    undo.close();
  } finally {
    stage.close();
  }
}
