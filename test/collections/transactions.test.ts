import {expect} from 'chai';
import {
  SharedArray, SharedMap, getTransactionId, isInTransaction, transaction, type Transaction
} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {eachWithTwoTabs, openMaps, rejection} from './stage.js';

describe('a transaction', () => {
  let tab: ProxyConnection;
  let other: ProxyConnection;
  eachWithTwoTabs((...all) => { [tab, other] = all; });

  it('changes several collections at once, and shows nothing before', async () => {
    const [users, orders] = [await SharedMap.open<string, number>(tab, 'users'), await SharedArray.open<string>(tab, 'orders')];
    const [theirUsers, theirOrders] = [await SharedMap.open<string, number>(other, 'users'), await SharedArray.open<string>(other, 'orders')];
    users.set('ann', 10);
    await until('it is here', () => theirUsers.has('ann'));
    const torn: unknown[] = [];
    theirUsers.on(() => { if (theirOrders.length !== 1) torn.push([...theirOrders]); });
    theirOrders.on(() => { if (theirUsers.get('ann') !== 9) torn.push(theirUsers.get('ann')); });
    const result = transaction(() => {
      users.set('ann', users.get('ann')! - 1);
      orders.push('book');
      expect([users.get('ann'), [...orders]]).to.eql([9, ['book']]);
      return 'done';
    });
    expect([users.get('ann'), [...orders]]).to.eql([10, []]);
    expect(await result).to.equal('done');
    expect([users.get('ann'), [...orders]]).to.eql([9, ['book']]);
    await until('the other tab has it', () => theirOrders.length === 1);
    await turn();
    expect([theirUsers.get('ann'), torn]).to.eql([9, []]);
  });

  it('is run again when what it has read has changed', async () => {
    const [mine, theirs] = await openMaps('n', tab, other);
    mine!.set('n', 0);
    await until('it is here', () => theirs!.has('n'));
    const add = (map: SharedMap<string, number>) => (): void => map.set('n', map.get('n')! + 1);
    await Promise.all(Array.from({length: 20}, (_, i) => transaction(add(i % 2 ? mine! : theirs!), {maxRetries: 50})));
    expect(mine!.get('n')).to.equal(20);
    await until('both have it', () => theirs!.get('n') === 20);
  });

  it('conflicts over which keys there are, and over keys that are not there', async () => {
    const [mine, theirs] = await openMaps('set', tab, other);
    const addIfFew = (map: SharedMap<string, number>, key: string) => transaction(() => { if (map.size < 3) map.set(key, 1); });
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((key, i) => addIfFew(i % 2 ? mine! : theirs!, key)));
    await until('both show 3', () => mine!.size === 3 && theirs!.size === 3);
    const claim = (map: SharedMap<string, number>, who: number) => transaction(() => {
      if (map.has('owner')) return false;
      map.set('owner', who);
      return true;
    });
    const claimed = await Promise.all([claim(mine!, 1), claim(theirs!, 2), claim(mine!, 3), claim(theirs!, 4)]);
    expect(claimed.filter(Boolean)).to.have.length(1);
  });

  it('writes nothing if its function throws or aborts', async () => {
    const [map] = await openMaps('n', tab);
    const failure = new Error('no');
    expect(await rejection(transaction(() => {
      map!.set('a', 1);
      throw failure;
    }))).to.equal(failure);
    expect(await rejection(transaction(tx => {
      map!.set('a', 1);
      return tx.abort(failure);
    }))).to.equal(failure);
    expect(await rejection(transaction(tx => {
      tx.in(map!).set('a', 1);
      try {
        tx.abort(failure);
      } catch {
        // The document is closed all the same.
      }
      return 1;
    }))).to.equal(failure);
    await turn();
    expect(map!.size).to.equal(0);
  });

  it('may be async with tx.in, and only so', async () => {
    const [map, second] = [(await openMaps('n', tab))[0]!, (await openMaps('m', tab))[0]!];
    map.set('a', 1);
    let kept: Transaction | undefined;
    const value = await transaction(async tx => {
      kept = tx;
      const a = tx.in(map).get('a')!;
      await turn();
      tx.in(second).set('b', a + 1);
      expect(isInTransaction()).to.equal(false);
      return a;
    });
    expect([value, second.get('b'), kept!.isOpen]).to.eql([1, 2, false]);
    expect((await rejection(Promise.resolve().then(() => kept!.in(map)))).code).to.equal('ERR_TABS_TX_OVER');
    const error = await rejection(transaction(async () => {
      map.set('a', 5);
      await turn();
      map.set('b', 5);
    }));
    expect(error.code).to.equal('ERR_TABS_TX_ASYNC');
    // Changes after the first `await` are not part of the transaction.
    await turn();
    expect(map.get('a')).to.equal(1);
    // A function that returns a settled promise is not an async function.
    await transaction(() => {
      map.set('c', 1);
      return Promise.resolve();
    });
    expect(map.get('c')).to.equal(1);
  });

  it('of an async function is run again when others were first', async () => {
    const [mine, theirs] = await openMaps('n', tab, other);
    mine!.set('n', 1);
    await until('it is here', () => theirs!.has('n'));
    let attempts = 0;
    const doubled = transaction(async tx => {
      attempts++;
      const n = tx.in(mine!).get('n')!;
      if (attempts === 1) {
        await turn();
        theirs!.set('n', 10);
        await until('it has come', () => mine!.get('n') === 10);
      }
      tx.in(mine!).set('n', 2 * n);
    });
    await doubled;
    expect([attempts, mine!.get('n')]).to.eql([2, 20]);
  });

  it('waits with retry() until what it has read changes', async () => {
    const [mine, theirs] = await openMaps('stock', tab, other);
    let attempts = 0;
    const taken = transaction(tx => {
      attempts++;
      const stock = mine!.get('stock') ?? 0;
      if (!stock) tx.retry();
      mine!.set('stock', stock - 1);
      return stock;
    });
    await turn();
    theirs!.set('unrelated', 1);
    await until('it is here', () => mine!.has('unrelated'));
    expect(attempts).to.equal(1);
    theirs!.set('stock', 5);
    expect(await taken).to.equal(5);
    expect([attempts, mine!.get('stock')]).to.eql([2, 4]);
  });

  it('ends by its timeout, its signal, or its retries', async () => {
    const [mine] = await openMaps('n', tab);
    const waits = (tx: Transaction): never => {
      mine!.get('x');
      return tx.retry();
    };
    expect((await rejection(transaction(waits, {timeout: 20}))).code).to.equal('ERR_TABS_TX_TIMEOUT');
    const abort = new AbortController();
    const aborted = transaction(waits, {signal: abort.signal});
    abort.abort(new Error('enough'));
    expect((await rejection(aborted)).message).to.equal('enough');
    const [theirs] = await openMaps('n', other);
    let n = 0;
    const error = await rejection(transaction(async tx => {
      tx.in(mine!).get('n');
      await turn();
      theirs!.set('n', ++n);
      await until('it has come', () => mine!.get('n') === n);
      tx.in(mine!).set('m', 1);
    }, {maxRetries: 2}));
    expect([error.code, error.attempts, n, mine!.has('m')]).to.eql(['ERR_TABS_TX_CONFLICT', 3, 3, false]);
  });

  it('is joined by one in it, knows its id, and calls back once', async () => {
    const [map] = await openMaps('n', tab);
    const ids: unknown[] = [];
    const events = map!.watchAll();
    let committed = 0;
    await transaction(tx => {
      tx.afterCommit(() => { committed++; });
      ids.push(tx.id, getTransactionId());
      void transaction(inner => {
        ids.push(inner.id);
        map!.set('a', 1);
      });
      map!.set('b', map!.get('a')! + 1);
      expect(isInTransaction()).to.equal(true);
    });
    expect([isInTransaction(), getTransactionId(), committed, map!.get('b'), new Set(ids).size]).to.eql([false, null, 1, 2, 1]);
    const [first, second] = [(await events.next()).value, (await events.next()).value];
    expect([first.transactionId, second.transactionId, first.isLocal]).to.eql([ids[0], ids[0], true]);
    const failure = new Error('inner');
    expect(await rejection(transaction(() => {
      map!.set('c', 1);
      void transaction(() => { throw failure; });
    }))).to.equal(failure);
    expect(map!.has('c')).to.equal(false);
  });

  it('accepts documents of any type, which it may create and delete', async () => {
    const doc = tab.get<{n: number}>('local:docs', 'one');
    const map = (await openMaps('n', tab))[0]!;
    await doc.subscribe();
    await transaction(tx => {
      tx.in(doc).create({n: 1});
      tx.in(doc).submitOp([{p: ['n'], na: 1}]);
      expect(tx.in(doc).data).to.eql({n: 2});
      map.set('created', 1);
    });
    expect([doc.data, map.get('created')]).to.eql([{n: 2}, 1]);
    await transaction(tx => {
      tx.in(doc).submitOp([{p: ['n'], na: 5}]);
      tx.in(map).increment('created');
      tx.in(map).increment('new');
    });
    expect([doc.data, map.get('created'), map.get('new')]).to.eql([{n: 7}, 2, 1]);
    await transaction(tx => tx.in(doc).del());
    expect(doc.type).to.equal(null);
  });

  it('includes the last writes of this tab', async () => {
    const [map] = await openMaps('n', tab);
    map!.set('a', 1);
    map!.set('b', 1);
    await transaction(() => map!.set('a', map!.get('a')! + map!.get('b')!));
    map!.set('c', 3);
    await turn();
    expect(Object.fromEntries(map!)).to.eql({a: 2, b: 1, c: 3});
  });

  it('update() and increments of a missing key', async () => {
    const [mine, theirs] = await openMaps('n', tab, other);
    expect(await mine!.update('a', (n = 0) => n + 1)).to.equal(1);
    await Promise.all(Array.from({length: 10}, (_, i) => transaction(() => (i % 2 ? mine! : theirs!).increment('b'))));
    expect(await theirs!.update('a', () => undefined)).to.equal(undefined);
    await until('both show it', () => [mine!, theirs!].every(map => map.get('b') === 10 && !map.has('a')));
  });

  it('can\'t use two connections, unloaded documents, or too many', async () => {
    const [mine, theirs] = await openMaps('n', tab, other);
    expect((await rejection(transaction(() => {
      mine!.get('a');
      theirs!.set('a', 1);
    }))).code).to.equal('ERR_TABS_TX_MIXED');
    expect((await rejection(transaction(tx => tx.in(tab.get('local:docs', 'unknown')).data))).code).to.equal('ERR_TABS_NOT_READY');
    expect((await rejection(transaction(() => { for (let i = 0; i < 1001; i++) mine!.set(`${i}`, i); }))).code).to.equal('ERR_TABS_TX_TOO_BIG');
    expect(mine!.size).to.equal(0);
  });

  it('fails with an async one in it that fails before it waits', async () => {
    const [map] = await openMaps('m', tab);
    let inner: Promise<unknown> | undefined;
    const result = transaction(() => {
      map!.set('a', 1);
      inner = rejection(transaction(async () => { throw new Error('no'); }));
    });
    expect([(await rejection(result)).message, (await inner as Error).message, map!.size]).to.eql(['no', 'no', 0]);
  });

  it('over local documents asks the host once', async () => {
    const [map] = await openMaps('m', tab);
    const calls: string[] = [];
    const {callHost} = tab;
    tab.callHost = function (name, ...args) {
      calls.push(name);
      return callHost.call(this, name, ...args) as never;
    };
    let outcome: Promise<unknown> | undefined;
    await transaction(tx => {
      ({outcome} = tx);
      map!.set('a', 1);
    }, {until: 'server'});
    expect(await outcome).to.deep.include({committed: true, acknowledged: true});
    expect(calls).to.eql(['shared.commit']);
  });

  it('reports its outcome', async () => {
    const [map] = await openMaps('n', tab);
    let outcome: Promise<unknown> | undefined;
    await transaction(tx => {
      ({outcome} = tx);
      map!.set('a', 1);
    });
    expect(await outcome).to.eql({committed: true, acknowledged: true, raced: [], rejected: []});
    await rejection(transaction(tx => {
      ({outcome} = tx);
      tx.abort();
    }));
    expect(await outcome).to.eql({committed: false, acknowledged: false, raced: [], rejected: []});
  });
});
