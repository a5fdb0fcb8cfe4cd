import {expect} from 'chai';
import {SharedArray, SharedMap, transaction, type TransactionOutcome} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {CollectionsStage, rejection} from './stage.js';

/** Two browsers and one server: exactly what the documentation promises between them. */
describe('synced collections of two devices', () => {
  let stage: CollectionsStage;
  beforeEach(() => { stage = new CollectionsStage({online: true}); });
  afterEach(() => stage.close());

  const synced = {scope: 'synced'} as const;

  /** A map that is stored, in a tab that has no server. */
  async function openOffline(): Promise<[ProxyConnection, SharedMap<string, number>]> {
    const tab = stage.openTab();
    const map = await SharedMap.open<string, number>(tab, 'm', synced);
    await map.flush({at: 'server'});
    stage.server.close();
    await until('the tab knows', () => tab.state !== 'connected');
    return [tab, map];
  }

  it('converge, and are in the server\'s database', async () => {
    const [tab, device] = [stage.openTab(), stage.openDevice()];
    const [mine, theirs] = [await SharedMap.open<string, number>(tab, 'm', synced), await SharedMap.open<string, number>(device.tab, 'm', synced)];
    mine.set('a', 1);
    theirs.set('b', 2);
    mine.setMany([['constructor', 3], ['1', 4]]);
    await mine.flush({at: 'server'});
    await until('both have all', () => mine.size === 4 && theirs.size === 4);
    expect(stage.errors).to.eql([]);
  });

  it('may be created by both at once: both writes are kept', async () => {
    const [tab, device] = [stage.openTab(), stage.openDevice()];
    const [mine, theirs] = await Promise.all([SharedArray.open<number>(tab, 'a', synced), SharedArray.open<number>(device.tab, 'a', synced)]);
    mine!.push(1);
    theirs!.push(2);
    await until('both have both', () => [mine!, theirs!].every(list => [...list].sort().join() === '1,2'));
    expect(stage.errors).to.eql([]);
  });

  it('the last write wins for each key, increments add up, and the race is reported', async () => {
    const [tab, device] = [stage.openTab(), stage.openDevice()];
    const [mine, theirs] = [await SharedMap.open<string, number>(tab, 'm', synced), await SharedMap.open<string, number>(device.tab, 'm', synced)];
    mine.setMany([['a', 1], ['sum', 0]]);
    await until('it is there', () => theirs.get('sum') === 0);
    // Both devices decide from their own state. Neither knows the other's change.
    stage.server.close();
    await until('the tab knows', () => tab.state !== 'connected');
    let outcome: Promise<TransactionOutcome> | undefined;
    const value = await transaction(tx => {
      ({outcome} = tx);
      const a = mine.get('a')!;
      mine.set('a', a + 10);
      mine.increment('sum', 1);
      return a;
    });
    expect([value, mine.get('a')]).to.eql([1, 11]);
    theirs.set('a', 5);
    theirs.increment('sum', 2);
    await theirs.flush({at: 'server'});
    stage.backend.connect(stage.server as never);
    const told = await outcome!;
    expect([told.committed, told.acknowledged, told.rejected]).to.eql([true, true, []]);
    expect(told.raced).to.deep.include({collection: 'collections', name: 'map:m', key: 'a'});
    await until('both are the same', () => mine.get('a') === theirs.get('a') && mine.get('sum') === 3 && theirs.get('sum') === 3);
    expect(mine.get('a')).to.equal(11);
  });

  it('a part that the server refuses is reported, the others stay', async () => {
    const tab = stage.openTab();
    const [good, bad] = [await SharedMap.open<string, number>(tab, 'good', synced), await SharedMap.open<string, number>(tab, 'bad', synced)];
    stage.backend.use('apply', ({id, op}, next) => { next(id === 'map:bad' && 'op' in op ? Object.assign(new Error('not allowed'), {code: 'ERR_NO'}) : undefined); });
    let outcome: Promise<TransactionOutcome> | undefined;
    const error = await rejection(transaction(tx => {
      ({outcome} = tx);
      good.set('a', 1);
      bad.set('a', 1);
    }, {until: 'server'}));
    expect(error.code).to.equal('ERR_TABS_TX_TORN');
    const told = await outcome!;
    expect([told.acknowledged, told.rejected.map(({name}) => name)]).to.eql([false, ['map:bad']]);
    await until('it is taken back', () => !bad.has('a'));
    expect(good.get('a')).to.equal(1);
    await until('there is a dead letter', async () => (await tab.deadLetters.list()).length === 1);
  });

  it('waits for the server with {until: "server"} until the signal, and with flush()', async () => {
    const [, map] = await openOffline();
    const control = new AbortController();
    const result = rejection(transaction(() => map.set('a', 1), {until: 'server', signal: control.signal, timeout: 20}));
    await until('the host has it', () => map.has('a'));
    let isFlushed = false;
    const flushed = map.flush({at: 'server'}).then(() => { isFlushed = true; });
    await new Promise(resolve => { setTimeout(resolve, 40); });
    const reason = new Error('enough');
    control.abort(reason);
    expect([await result, map.get('a'), isFlushed]).to.eql([reason, 1, false]);
    stage.backend.connect(stage.server as never);
    await flushed;
    expect(stage.errors).to.eql([]);
  });

  it('has an outcome, and ends a flush, if the connection is closed before the server has answered', async () => {
    const [tab, map] = await openOffline();
    const outcomes: Promise<unknown>[] = [];
    await transaction(tx => {
      outcomes.push(tx.outcome);
      map.set('a', 1);
    });
    const ended = rejection(transaction(tx => {
      outcomes.push(tx.outcome);
      map.set('b', 1);
    }, {until: 'server'}));
    await until('the host has both', () => map.has('b'));
    const flushed = rejection(map.flush({at: 'server'}));
    tab.close();
    const unknown = {committed: true, acknowledged: false, raced: [], rejected: []};
    expect(await Promise.all(outcomes)).to.eql([unknown, unknown]);
    expect([await ended, await flushed].map(error => (error as {code?: unknown}).code)).to.eql(['ERR_TABS_CLOSED', 'ERR_TABS_CLOSED']);
  });

  it('resolves with {until: "server"} when the server has all of it', async () => {
    const [tab, device] = [stage.openTab(), stage.openDevice()];
    const [a, b] = [await SharedMap.open<string, number>(tab, 'a', synced), await SharedMap.open<string, number>(tab, 'b', synced)];
    const theirs = await SharedMap.open<string, number>(device.tab, 'b', synced);
    await transaction(() => {
      a.set('x', 1);
      b.set('x', 1);
    }, {until: 'server'});
    await until('the other device has it', () => theirs.get('x') === 1);
    await turn();
    expect([stage.errors, tab.hasPending()]).to.eql([[], false]);
  });
});
