import type {Doc} from 'sharedb/lib/client/index.js';
import type {ProxyDoc} from '../../lib/index.js';
import {UndoManager} from '../../lib/undo.js';
import {Random} from '../support/random.js';
import {until} from '../waiting/until.js';
import {histories, type History, type World} from './histories.js';
import {UndoStage} from './stage.js';

/** The number of histories of each type. The scope of the browser takes longer and runs a fifth of them. With refusals, there are a fifth of each. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 50);
/** The seed of the first history. */
const FIRST = Number(process.env['FIRST'] ?? 1);
const {SEED} = process.env;
/** Whose edits are undone: those of a tab, of three tabs, or of a client elsewhere, which is ShareDB's own. */
type Whose = 'tab' | 'browser' | 'client';
/** Seeds of histories with the scope of the browser in which an own item was left or a step was lost once. Few others show that. */
const ONCE_WRONG: Record<string, number[]> = {json0: [666, 891], json1: [423, 666, 1103], 'rich-text': [533], 'text-unicode': [1037, 1980, 2429]};
/** Seeds of histories in which the server refuses ops, and which an undo once left with a refused op in them, or with text put back twice. */
const ONCE_WRONG_IF_REFUSED: Record<string, Partial<Record<Whose, number[]>>> = {
  'rich-text': {tab: [13, 89], browser: [6]},
  'text-unicode': {tab: [13, 89], browser: [6]},
  json0: {tab: [73, 98], browser: [4]},
  json1: {tab: [73], browser: [4]}
};
/** Such seeds where edits are undone and redone in between. */
const ONCE_WRONG_IF_REFUSED_AND_UNDONE: Record<string, Partial<Record<Whose, number[]>>> = {
  'rich-text': {client: [75, 93]},
  'text-unicode': {tab: [84, 2053], browser: [4009], client: [93]},
  json0: {tab: [594, 722, 1062], client: [1, 13, 28]},
  json1: {client: [32, 104]}
};

/**
 * Three tabs and two remote clients write at once. Then the first tab undoes all its edits and redoes them. With the scope of the browser,
 * one tab undoes the edits of all three. In others, a client elsewhere undoes its own. `histories` leaves out what OT can't restore: see "What undo can't do" in docs/undo.md.
 */
describe('random histories of three tabs and two clients elsewhere', function() {
  this.timeout(15 * 60_000);

  for (const history of histories) {
    it(`undo leaves a ${history.type} document as if this tab had written nothing, redo as before`, async () => {
      await liveMany(`${history.type} document as if this tab`, HISTORIES, seed => live(history, seed, 'tab'));
    });

    it(`undo leaves a ${history.type} document as if this browser had written nothing, redo as before, whichever tab does it`, async () => {
      await liveMany(`${history.type} document as if this browser`, Math.ceil(HISTORIES / 5), seed => live(history, seed, 'browser'));
    });

    it(`undo leaves a ${history.type} document as if this client had written nothing, if it is ShareDB's own`, async () => {
      await liveMany(`${history.type} document as if this client`, Math.ceil(HISTORIES / 5), seed => live(history, seed, 'client'));
    });

    const seeds = ONCE_WRONG[history.type] ?? [];
    if (seeds.length && SEED === undefined) {
      it(`undo by all tabs leaves no own item of ${history.type} histories that once kept one: ${seeds.join(', ')}`, async () => {
        for (const seed of seeds) await live(history, seed, 'browser');
      });
    }

    for (const [scope, share, whose] of [['tab', 5, 'this tab'], ['browser', 25, 'this browser'], ['client', 5, "ShareDB's own client"]] as const) {
      it(`undo leaves a ${history.type} document as if ops of ${whose} that the server refuses had never been made`, async () => {
        for (const seed of SEED === undefined ? ONCE_WRONG_IF_REFUSED[history.type]![scope] ?? [] : []) {
          await live(history, seed, scope, {refuses: true, undoesMeanwhile: false});
        }
        for (const seed of SEED === undefined ? ONCE_WRONG_IF_REFUSED_AND_UNDONE[history.type]![scope] ?? [] : []) {
          await live(history, seed, scope, {refuses: true});
        }
        const title = `${history.type} document as if ops of ${whose}`;
        await liveMany(title, Math.ceil(HISTORIES / share), seed => live(history, seed, scope, {refuses: true}));
      });
    }
  }
});

async function liveMany(title: string, histories: number, liveOne: (seed: number) => Promise<void>): Promise<void> {
  const [first, count] = SEED === undefined ? [FIRST, histories] : [Number(SEED), 1];
  for (let seed = first; seed < first + count; seed++) {
    const again = `replay with: SEED=${seed} npx mocha test/undo/random-histories.test.ts -g '${title}'`;
    await liveOne(seed).catch((error: Error) => { throw new Error(`${again}\n${error.message}`, {cause: error}); });
  }
}

/**
 * @param refuses whether the server refuses every fourth op with items that these documents have inserted
 * @param undoesMeanwhile whether some edits are undone and redone in between
 */
async function live(history: History, seed: number, whose: Whose, {refuses = false, undoesMeanwhile = true} = {}): Promise<void> {
  const random = new Random(seed);
  const world = history.begin(random);
  const stage = await UndoStage.open(history.uri, world.initial, {tabs: 3, remotes: 2});
  const own: (ProxyDoc | Doc)[] = whose === 'browser' ? stage.tabs : (whose === 'tab' ? stage.tabs : stage.remotes).slice(0, 1);
  const stopRefusing = refuses ? refuseInsertions(stage, world, own, new Random(seed + 7777)) : undefined;
  try {
    const captureTimeout = random.pick([0, 1e9]);
    const managers = own.map(doc => new UndoManager(doc, {captureTimeout, scope: whose === 'browser' ? whose : 'tab'}));
    if (refuses) for (const undo of managers) undo.on('error', () => {});
    const undoing: Promise<boolean>[] = [];
    for (let step = 0; step < 25; step++) {
      const who = random.pick(stage.all);
      const op = world.makeOp(who.data, own.includes(who));
      if (op !== undefined) (who as ProxyDoc).submitOp(op, error => { if (error && !refuses) throw error; });
      if (!random.below(4)) random.pick(managers).stopCapturing();
      if (undoesMeanwhile && !random.below(6)) undoing.push(random.pick(managers).undo());
      if (undoesMeanwhile && !random.below(6)) undoing.push(random.pick(managers).redo());
      for (let turns = random.below(4); turns > 0; turns--) await new Promise(setImmediate);
    }
    await Promise.all(undoing);
    await stage.settle();
    stopRefusing?.();
    // Any of the tabs undoes or redoes a step.
    const anyOf = (): UndoManager => random.pick(managers);
    while (await anyOf().redo());
    await stage.settle();
    const before = JSON.stringify(stage.tabs[0]!.data);
    while (await anyOf().undo());
    await stage.settle();
    // Text that is taken back may come to another place among what others have written beside it.
    world.expectUndone(stage.tabs[0]!.data, refuses && undoesMeanwhile ? undefined : JSON.parse(before) as unknown);
    // An op that changes nothing leaves no trace in the documents. It may still be under way.
    await until('nothing is left to undo', () => managers.every(({canUndo}) => !canUndo));
    while (await anyOf().redo());
    await stage.settle();
    world.expectRedone(stage.tabs[0]!.data, JSON.parse(before) as unknown);
    await until('nothing is left to redo', () => managers.every(({canRedo}) => !canRedo));
    for (const undo of managers) undo.close();
  } finally {
    stage.close();
  }
}

/**
 * The server refuses every fourth op whose items are all ones that these documents have inserted. It takes ops that add to a number: what
 * others have added is expected afterwards. @returns ends that
 */
function refuseInsertions(stage: UndoStage, world: World, own: readonly (ProxyDoc | Doc)[], random: Random): () => void {
  const itemsOf = (op: unknown): string[] => JSON.stringify(op).match(/[\u4e00-\u9fff]/g) ?? [];
  const inserted = new Set<string>();
  let isOver = false;
  for (const doc of own) (doc as Doc).on('before op', (op, source) => { if (source === true) for (const item of itemsOf(op)) inserted.add(item); });
  stage.backend.use('submit', ({op}, next) => {
    const items = itemsOf('op' in op ? op.op : '');
    const refuses = !isOver && items.length > 0 && !/"(na|ena)":/.test(JSON.stringify(op)) && items.every(item => inserted.has(item)) && !random.below(4);
    if (refuses) world.refuse([...items, ...(JSON.stringify(op).match(/(?<=")[a-j](?="(?!:))/g) ?? [])]);
    next(refuses ? new Error('Refused') : undefined);
  });
  return () => { isOver = true; };
}
