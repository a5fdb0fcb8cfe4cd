import {expose, wrap} from '../../../lib/remote.js';
import {fillList} from './dom-operations.js';
import type {Driver} from './dom-worker.js';
import {startWorker} from './peer.js';

/** As many operations in each turn: 99 for the items, 1 that empties the list. */
const PER_TURN = 100;

/**
 * µs of each operation on the elements of this page, made by this page itself and by a worker.
 * @param others scripts of workers that use other libraries, and how many turns each makes in a measurement
 */
export async function domTimes(
  script: string, {rounds, turns, others}: {rounds: number; turns: number; others: Record<string, {script: string; turns: number}>}
): Promise<Record<string, number[]>> {
  const list = document.createElement('ul');
  list.id = 'list';
  document.body.append(list);
  const worker = startWorker(script);
  expose(globalThis, worker, {name: 'page'});
  const driver = wrap<Driver>(worker);
  const ways: Record<string, {turns: number; run(turns: number): PromiseLike<unknown>}> = {
    'the page itself': {turns, async run(count) {
      for (let turn = 0; turn < count; turn++) {
        fillList(document, list, PER_TURN);
        await undefined;
      }
    }},
    'sharedb-tabs': {turns, run: count => driver.fill(count, PER_TURN)},
    ...Object.fromEntries(await Promise.all(Object.entries(others).map(async ([name, other]) =>
      [name, {turns: other.turns, run: (await globalThis.domDrivers[name]!(other.script)).bind(undefined, PER_TURN)}] as const)))
  };
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map(name => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, {turns: count, run}] of Object.entries(ways)) {
      list.replaceChildren();
      const start = performance.now();
      await run(count);
      const us = (performance.now() - start) * 1000 / (count * PER_TURN);
      if (list.childElementCount !== 33 || list.lastElementChild!.textContent !== 'item 97') throw new Error(`${name}: ${list.childElementCount} items`);
      if (round >= 0) times[name]!.push(us);
    }
  }
  worker.terminate();
  list.remove();
  return times;
}

declare global {
  /** Other libraries with which a worker uses elements of the page, by name. They start a worker, which fills the list in so many turns. */
  var domDrivers: Record<string, (script: string) => PromiseLike<(perTurn: number, turns: number) => PromiseLike<unknown>>>;
}

globalThis.domDrivers ??= {};
