import {expect} from 'chai';
import {SharedArray, SharedQueue} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {CollectionsStage} from './stage.js';

describe('watching only others\' changes, while this tab changes the same in the same turn', () => {
  let stage: CollectionsStage;
  let mine: ProxyConnection;
  let theirs: ProxyConnection;
  beforeEach(() => {
    stage = new CollectionsStage({online: true});
    [mine, theirs] = [stage.openTab(), stage.openTab()];
  });
  afterEach(() => {
    stage.close();
    expect(stage.errors).to.eql([]);
  });

  const bothArrays = async (): Promise<[SharedArray<string>, SharedArray<string>]> => {
    const arrays = await Promise.all([mine, theirs].map(tab => SharedArray.open<string>(tab, 'list')));
    arrays[0]!.push('a', 'b');
    await until('it is there', () => arrays[1]!.length === 2);
    return arrays as [SharedArray<string>, SharedArray<string>];
  };

  /** Calls back once, in the turn in which this tab shows another tab's op. */
  const afterTheirs = (id: string, act: () => void): void => {
    const doc = mine.get(id.startsWith('queue:') ? 'collections' : 'local:collections', id);
    const onOp = (_op: unknown, source: unknown): void => {
      if (source) return;
      doc.off('op batch', onOp);
      act();
    };
    doc.on('op batch', onOp);
  };

  it('reports a change at an index that this tab has reverted', async () => {
    const [list, other] = await bothArrays();
    const events = list.watchIndex(0, {remoteOnly: true});
    afterTheirs('array:list', () => list.set(0, 'a'));
    other.set(0, 'theirs');
    expect((await events.next()).value).to.include({type: 'set', oldValue: 'a', newValue: 'theirs', isLocal: false});
  });

  it('reports a change at an index that this tab has moved away', async () => {
    const [list, other] = await bothArrays();
    const events = list.watchIndex(0, {remoteOnly: true});
    afterTheirs('array:list', () => list.unshift('mine', 'mine too'));
    other.set(0, 'theirs');
    expect((await events.next()).value).to.include({type: 'set', oldValue: 'a', newValue: 'theirs', isLocal: false});
    // What this tab has changed is the old value of the next change.
    await until('it is there', () => other.get(0) === 'mine');
    other.set(0, 'again');
    expect((await events.next()).value).to.include({type: 'set', oldValue: 'mine', newValue: 'again', isLocal: false});
  });

  it('does not report this tab\'s own change at an index before a change elsewhere', async () => {
    const [list, other] = await bothArrays();
    const events = list.watchIndex(0, {remoteOnly: true});
    afterTheirs('array:list', () => list.set(0, 'mine'));
    other.push('c');
    await until('it is here', () => list.length === 3);
    await until('it is there', () => other.get(0) === 'mine');
    other.set(0, 'theirs');
    expect((await events.next()).value).to.include({type: 'set', oldValue: 'mine', newValue: 'theirs', isLocal: false});
  });

  it('does not report this tab\'s own items in a synced queue', async () => {
    const [queue, other] = await Promise.all([mine, theirs].map(tab => SharedQueue.open<string>(tab, 'work', {scope: 'synced'})));
    const events = queue!.watchAll({remoteOnly: true});
    afterTheirs('queue:work', () => queue!.enqueue('mine'));
    other!.enqueue('theirs');
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 0, deleted: [], inserted: ['theirs'], isLocal: false});
    queue!.enqueue('mine, later');
    await until('it is there', () => other!.size === 3);
    other!.enqueue('theirs, later');
    expect((await events.next()).value).to.deep.include({type: 'splice', index: 3, deleted: [], inserted: ['theirs, later'], isLocal: false});
  });

  it('merges many changes of a synced queue into one that has this tab\'s own items before and after', async () => {
    const [queue, other] = await Promise.all([mine, theirs].map(tab => SharedQueue.open<string>(tab, 'work', {scope: 'synced'})));
    const events = queue!.watchAll({remoteOnly: true});
    queue!.enqueue('first');
    for (let i = 0; i < 130; i++) {
      other!.enqueue(`their ${i}`);
      queue!.enqueue(`mine ${i}`);
      await until('all is here', () => queue!.size === 2 * i + 3);
    }
    const {value} = await events.next();
    // This tab showed its own first item before it received another tab's.
    expect([value.type, value.oldValue, value.newValue.length]).to.eql(['reset', ['first', 'mine 0'], 261]);
  });

  it('ends with the items added to a synced queue in the turn of its close', async () => {
    const queue = await SharedQueue.open<string>(mine, 'work', {scope: 'synced'});
    const events = queue.watchAll();
    queue.enqueue('a');
    const closing = queue.close();
    expect((await events.next()).value).to.deep.include({type: 'splice', inserted: ['a']});
    expect((await events.next()).done).to.equal(true);
    await closing;
    await turn();
  });
});
