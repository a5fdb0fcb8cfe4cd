import {expect} from 'chai';
import {openSettings, type Settings} from '../../examples/collections/configuration.js';
import {Game} from '../../examples/collections/game.js';
import {Board, COLUMNS} from '../../examples/collections/kanban.js';
import {Pipeline} from '../../examples/collections/pipeline.js';
import {until} from '../waiting/until.js';
import {CollectionsStage, rejection} from './stage.js';

describe('the examples of collections, in three tabs', () => {
  let stage: CollectionsStage;
  beforeEach(() => { stage = new CollectionsStage(); });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });
  const three = <T>(open: (tab: ReturnType<CollectionsStage['openTab']>) => Promise<T>): Promise<T[]> => Promise.all([1, 2, 3].map(() => open(stage.openTab())));

  it('a game: each coin goes to one player', async () => {
    const games = await three(tab => Game.join(tab));
    const names = ['ann', 'bob', 'cid'];
    games.forEach((game, i) => game.enter(names[i]!));
    await until('all are there', () => games.every(game => Object.keys(game.scores).length === 3));
    expect((await Promise.all(games.map(game => game.beginRound(1, {a: 1, b: 2, c: 4})))).filter(Boolean)).to.have.length(1);
    const got = await Promise.all(['a', 'b', 'c'].flatMap(coin => games.map((game, i) => game.pickUp(names[i]!, coin))));
    expect(got.filter(Boolean)).to.have.length(3);
    expect(await games[0]!.move('ann', 3, 4)).to.include({x: 3, y: 4});
    await until('the scores are the same', () => games.every(game => Object.values(game.scores).reduce((sum, score) => sum + score) === 7));
  });

  it('a pipeline: a result is computed once, also when the tab that began it is closed', async () => {
    const [asking, first, second] = await three(tab => Pipeline.open<number>(tab));
    const begun: string[] = [];
    void first!.work(input => {
      begun.push(input);
      return new Promise(() => {});
    });
    const result = asking!.get('six');
    await until('it is begun', () => begun.length === 1);
    void second!.work(async input => {
      begun.push(input);
      return input.length;
    });
    stage.tabs[1]!.close();
    expect([await result, await asking!.get('six'), begun]).to.eql([3, 3, ['six', 'six']]);
    await asking!.close();
  });

  it('a pipeline: a result that can\'t be computed is an error, and is tried again with the next request', async () => {
    const [asking, working] = await three(tab => Pipeline.open<number>(tab));
    let attempts = 0;
    void working!.work(async input => {
      if (++attempts <= 3) throw new Error(`no ${input}`);
      return input.length;
    });
    expect([(await rejection(asking!.get('six'))).message, attempts]).to.eql(['no six', 3]);
    expect([await asking!.get('six'), attempts]).to.eql([3, 4]);
    await asking!.close();
  });

  it('a pipeline: a job that ends each tab that begins it is an error', async () => {
    const [asking] = await three(tab => Pipeline.open<number>(tab));
    const failed = rejection(asking!.get('six'));
    for (let i = 0; i < 3; i++) {
      const tab = stage.openTab();
      const working = await Pipeline.open<number>(tab);
      await new Promise<void>(begun => void working.work(() => {
        begun();
        return new Promise(() => {});
      }).catch(() => {}));
      tab.close();
    }
    void (await Pipeline.open<number>(stage.openTab())).work(async input => input.length);
    expect((await failed).message).to.equal('"six" was not computed: 3 tabs have tried it and ended');
  });

  it('a configuration: a change applies in all tabs', async () => {
    const applied: Settings[] = [];
    const all = await three(tab => {
      const i = applied.length;
      applied.push({theme: 'light', fontSize: 0});
      return openSettings(tab, settings => { applied[i] = settings; });
    });
    all[0]!.set('theme', 'dark');
    all[1]!.increment('fontSize', 2);
    await until('it applies everywhere', () => applied.every(({theme, fontSize}) => theme === 'dark' && fontSize === 16));
  });

  it('a board: a card is in one column, and a move can be undone', async () => {
    const boards = await three(tab => Board.open(tab));
    for (const id of ['a', 'b', 'c']) await boards[0]!.add(id, `Card ${id}`);
    await until('all have them', () => boards.every(board => board.cardsOf('to do').length === 3));
    const moved = await Promise.all(boards.map((board, i) => board.move('b', 'to do', COLUMNS[1 + i % 2]!, 0)));
    expect(moved.filter(Boolean)).to.have.length(1);
    const [mover, other] = [boards[moved.indexOf(true)]!, boards[moved.indexOf(false)]!];
    await other.move('a', 'to do', 'to do', 1);
    expect(other.cardsOf('to do')).to.eql(['c', 'a']);
    expect(await mover.undo()).to.equal(true);
    await until('the move between columns is undone everywhere', () => boards.every(board => board.cardsOf('to do').join() === 'c,b,a'));
    await other.undo();
    await until('the move within the column is undone, too', () => boards.every(board => board.cardsOf('to do').join() === 'a,c,b'));
    await mover.move('c', 'to do', 'doing', 0);
    await until('the other tab sees it', () => other.cardsOf('doing').join() === 'c');
    await other.move('c', 'doing', 'done', 0);
    await until('the first tab sees it', () => mover.cardsOf('done').join() === 'c');
    expect([await mover.undo(), mover.cardsOf('done'), mover.canUndo]).to.eql([false, ['c'], false]);
    await other.remove('b');
    expect(boards[0]!.cards.get('a')).to.eql({title: 'Card a'});
  });
});
