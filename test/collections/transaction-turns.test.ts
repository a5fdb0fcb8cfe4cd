import {expect} from 'chai';
import {transaction, type SharedMap} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {turn} from '../waiting/node-turn.js';
import {eachWithTwoTabs, openMaps, type CollectionsStage} from './stage.js';

const add = (n: number | undefined = 0): number => n + 1;

describe('transactions that conflict', function () {
  this.timeout(20_000);
  let tab: ProxyConnection;
  let other: ProxyConnection;
  let stage: CollectionsStage;
  eachWithTwoTabs((...all) => { [tab, other, stage] = all; });

  it('of several tabs commit in turn', async () => {
    const maps = await openMaps('hot', tab, other, stage.openTab(), stage.openTab());
    const counts = maps.map(() => 0);
    let atEnd: number[] | undefined;
    await Promise.all(maps.map(async (map, i) => {
      for (; counts[i]! < 100; counts[i]!++) await map.update('n', add);
      atEnd ??= [...counts];
    }));
    expect(Math.min(...atEnd!)).to.be.at.least(90);
    expect(maps[0]!.get('n')).to.equal(400);
  });

  it('commit before those that another tab makes one after the other', async () => {
    const [mine, theirs] = await openMaps('hot', tab, other);
    let isOver = false;
    const loop = (async () => { while (!isOver) await theirs!.update('n', add); })();
    let runs = 0;
    for (let i = 0; i < 20; i++) {
      await mine!.update('n', n => {
        runs++;
        return add(n);
      }, {maxRetries: 2});
    }
    isOver = true;
    await loop;
    expect(runs).to.be.at.most(60);
  });

  it('do not delay others that change nothing of what they have read', async () => {
    const [mine, theirs] = await openMaps('keys', tab, other);
    const frozen = await conflicting(mine!, theirs!);
    // It is committed in the turn in which the host gets it, and not 50 ms later.
    const start = performance.now();
    for (let i = 0; i < 20; i++) await theirs!.update('other', add);
    expect(performance.now() - start).to.be.below(20 * 50);
    await frozen.end();
  });

  it('delay others for a short time if they do not commit after all', async () => {
    const [mine, theirs] = await openMaps('keys', tab, other);
    const frozen = await conflicting(mine!, theirs!);
    await theirs!.update('n', add);
    expect(theirs!.get('n')).to.equal(2);
    await frozen.end();
  });

  it('do not delay others after the death of their tab', async () => {
    const [mine, theirs] = await openMaps('keys', tab, other);
    await conflicting(mine!, theirs!);
    stage.killTab(tab);
    await theirs!.update('n', add);
    expect(theirs!.get('n')).to.equal(2);
  });

  /** A transaction of the first map that conflicts with one of the other map, and then waits without a commit. */
  async function conflicting(mine: SharedMap<string, number>, theirs: SharedMap<string, number>): Promise<{end(): Promise<void>}> {
    const {callHost} = tab;
    let runs = 0;
    tab.callHost = async function (name, ...args) {
      if (name === 'shared.commit' && runs === 1) await theirs.update('n', add);
      return callHost.call(this, name, ...args) as never;
    };
    const abort = new AbortController();
    const result = transaction(tx => {
      if (++runs > 1) tx.retry();
      mine.set('n', add(mine.get('n')));
    }, {signal: abort.signal}).catch(() => {});
    while (runs < 2) await turn();
    return {async end() {
      abort.abort();
      await result;
    }};
  }
});
