import {expect} from 'chai';
import {type as text} from 'ot-text-unicode';
import {types} from 'sharedb/lib/client/index.js';
import {SharedArray, readTransaction, transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {until} from '../waiting/until.js';
import {turn} from '../waiting/node-turn.js';
import {eachWithTwoTabs, openMaps, rejection} from './stage.js';

types.register(text as never);

describe('a transaction that only reads', () => {
  let tab: ProxyConnection;
  let other: ProxyConnection;
  eachWithTwoTabs((...all) => { [tab, other] = all; });

  it('aborts its signal if it fails', async () => {
    const failure = new Error('no');
    let signal: AbortSignal | undefined;
    expect(await rejection(readTransaction(tx => {
      ({signal} = tx);
      throw failure;
    }))).to.equal(failure);
    expect([signal!.aborted, signal!.reason]).to.eql([true, failure]);
  });

  it('sees the writes of the transaction around it', async () => {
    const [map] = await openMaps('m', tab);
    let run = 0;
    const seen: unknown[] = [];
    await transaction(tx => {
      map!.set('own', 1);
      void readTransaction(inner => { seen.push(map!.get('own'), inner.in(map!).get('other')); });
      if (!run++) void Promise.resolve().then(() => map!.set('other', 2));
      expect(tx.isOpen).to.equal(true);
    });
    // The inner one's reads belong to the transaction.
    expect(seen).to.eql([1, undefined, 1, 2]);
    let refused: Promise<any> | undefined;
    await transaction(() => { refused = rejection(readTransaction(() => map!.set('own', 3))); });
    expect([(await refused).code, map!.get('own')]).to.eql(['ERR_TABS_TX_READONLY', 1]);
  });

  it('may be async with tx.in, and only so', async () => {
    const [map] = await openMaps('m', tab);
    const result = readTransaction(async () => {
      map!.get('a');
      await turn();
      return map!.get('a');
    });
    expect((await rejection(result)).code).to.equal('ERR_TABS_TX_ASYNC');
  });

  it('sees one consistent state, and writes nothing', async () => {
    const [mine, theirs] = await openMaps('n', tab, other);
    const list = await SharedArray.open<number>(tab, 'list');
    mine!.setMany([['a', 1], ['b', 1]]);
    list.push(1);
    await until('it is here', () => theirs!.size === 2);
    const seen = await readTransaction(async tx => {
      const a = tx.in(mine!).get('a');
      await turn();
      theirs!.setMany([['a', 2], ['b', 2], ['c', 2]]);
      list.push(2);
      await until('it has come', () => mine!.get('b') === 2);
      return [a, tx.in(mine!).get('b'), tx.in(mine!).size, tx.in(list).toArray(), [...tx.in(mine!)]];
    });
    expect(seen).to.eql([1, 1, 2, [1], [['a', 1], ['b', 1]]]);
    expect(await readTransaction(() => mine!.get('b'), {fresh: true})).to.equal(2);
    expect((await rejection(readTransaction(() => mine!.set('a', 1)))).code).to.equal('ERR_TABS_TX_READONLY');
  });

  it('sees documents of that state, too', async () => {
    const [map] = await openMaps('n', tab);
    const [doc, late, words] = [tab.get<any>('local:docs', 'one'), tab.get<any>('local:docs', 'two'), tab.get<any>('local:docs', 'text')];
    await Promise.all([doc, late, words].map(one => one.subscribe()));
    await Promise.all([doc.create({n: {deep: 1}, list: [1]}), words.create('old', text.uri)]);
    map!.set('a', 1);
    const seen = await readTransaction(async tx => {
      const first = tx.in(doc).data;
      await turn();
      doc.submitOp([{p: ['n', 'deep'], na: 1}]);
      doc.submitOp([{p: ['list', 0], li: 0}]);
      words.submitOp(['new ']);
      await late.create({n: 2});
      map!.set('a', 2);
      const before = [first, tx.in(doc).data, tx.in(words).data, tx.in(late).data, tx.in(map!).get('a')];
      await doc.del();
      return [...before, tx.in(doc).data];
    });
    const old = {n: {deep: 1}, list: [1]};
    expect(seen).to.eql([old, old, 'old', undefined, 1, old]);
    expect([doc.data, words.data, late.data]).to.eql([undefined, 'new old', {n: 2}]);
    expect(await readTransaction(tx => tx.in(late).data)).to.eql({n: 2});
    expect((await rejection(readTransaction(tx => (tx.in(late) as any).submitOp([{p: ['n'], na: 1}])))).code).to.equal('ERR_TABS_TX_READONLY');
  });

  it('reads documents in one consistent state even if no collection is open', async () => {
    const doc = tab.get<any>('local:docs', 'one');
    const next = tab.get<any>('local:docs', 'two');
    for (const one of [doc, next]) {
      await one.subscribe();
      await one.create([1]);
    }
    const seen = await readTransaction(async tx => {
      const first = [...tx.in(doc).data];
      await turn();
      for (const one of [doc, next]) one.submitOp([{p: [0], li: 0}]);
      return [first, tx.in(doc).data, tx.in(next).data];
    });
    expect(seen).to.eql([[1], [1], [1]]);
  });

  it('sees the documents that the transaction around it has written', async () => {
    const doc = tab.get<any>('local:docs', 'one');
    await doc.subscribe();
    await doc.create({n: 1});
    let seen: unknown;
    await transaction(tx => {
      tx.in(doc).submitOp([{p: ['n'], na: 1}]);
      void readTransaction(inner => { seen = {...inner.in(doc).data}; });
    });
    expect(seen).to.eql({n: 2});
  });
});
