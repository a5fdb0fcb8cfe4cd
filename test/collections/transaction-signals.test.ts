import {expect} from 'chai';
import {SharedMap, transaction, type Transaction} from '../../lib/collections.js';
import type {ProxyConnection} from '../../lib/index.js';
import {CollectionsStage, eachWithTwoTabs, openMaps, rejection} from './stage.js';

describe('a transaction that is rejected', () => {
  let tab: ProxyConnection;
  eachWithTwoTabs((...all) => { [tab] = all; });

  it('aborts its signal if it ends without a commit', async () => {
    const reason = new Error('no');
    for (const end of [(tx: Transaction) => tx.abort(reason), () => { throw reason; }]) {
      let signal: AbortSignal | undefined;
      const result = transaction(tx => {
        ({signal} = tx);
        end(tx);
      });
      expect(await rejection(result)).to.equal(reason);
      expect([signal!.aborted, signal!.reason]).to.eql([true, reason]);
    }
  });

  for (const [what, end] of [
    ['its own signal', {abort: true, code: undefined}], ['its time-out', {abort: false, code: 'ERR_TABS_TX_TIMEOUT'}]
  ] as const) {
    it(`aborts its signal by ${what} during a commit that is then refused`, async () => {
      const [map] = await openMaps('n', tab);
      const abort = new AbortController();
      const {callHost} = tab;
      tab.callHost = (async (name: string) => {
        expect(name).to.equal('shared.commit');
        if (end.abort) abort.abort(new Error('enough'));
        else await new Promise(resolve => { setTimeout(resolve, 30); });
        return {committed: false};
      }) as never;
      let signal: AbortSignal | undefined;
      const error = await rejection(transaction(tx => {
        ({signal} = tx);
        map!.set('a', 1);
      }, {signal: abort.signal, timeout: end.abort ? 60_000 : 20}));
      tab.callHost = callHost;
      expect([error.code, signal!.aborted, signal!.reason, map!.has('a')]).to.eql([end.code, true, error, false]);
    });
  }

  it('aborts its signal if it can\'t know whether it is committed', async () => {
    const [map] = await openMaps('n', tab);
    const {callHost} = tab;
    tab.callHost = (async () => {
      tab.close();
      throw Object.assign(new Error('ended'), {code: 'ERR_TABS_SESSION_ENDED'});
    }) as never;
    let signal: AbortSignal | undefined;
    const error = await rejection(transaction(tx => {
      ({signal} = tx);
      map!.set('a', 1);
    }));
    tab.callHost = callHost;
    expect([error.code, signal!.aborted, signal!.reason]).to.eql(['ERR_TABS_TX_UNKNOWN', true, error]);
  });

  it('aborts its signal if an abort during the commit ends its wait for the server', async () => {
    const online = new CollectionsStage({online: true});
    const page = online.openTab();
    const map = await SharedMap.open<string, number>(page, 'waits', {scope: 'synced'});
    online.server.close();
    const abort = new AbortController();
    let signal: AbortSignal | undefined;
    const result = rejection(transaction(tx => {
      ({signal} = tx);
      map.set('a', 1);
    }, {until: 'server', signal: abort.signal}));
    const {callHost} = page;
    page.callHost = ((...args: Parameters<typeof callHost>) => {
      if (args[0] === 'shared.commit') abort.abort(new Error('enough'));
      return callHost.apply(page, args);
    }) as never;
    const error = await result;
    online.close();
    expect([error.message, signal!.aborted, signal!.reason]).to.eql(['enough', true, error]);
  });
});
