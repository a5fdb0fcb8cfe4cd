import {SharedMap, transaction} from '../../lib/collections.js';
import {ProxyConnection} from '../../lib/index.js';
import {expose, onEnd} from '../../lib/tasks-thread.js';

/** The script of a pool whose threads take part in the page's collections. */
let opening: Promise<SharedMap<string, number>[]> | undefined;
const open = (namespace: string): Promise<SharedMap<string, number>[]> => opening ??= (async () => {
  const connection = new ProxyConnection({namespace});
  onEnd(() => connection.close());
  return Promise.all(['counts', 'copies'].map(name => SharedMap.open<string, number>(connection, name)));
})();

expose({
  /** Counts in two maps, with one transaction for each step. */
  async count(namespace: string, times: number): Promise<number | undefined> {
    const maps = await open(namespace);
    for (let done = 0; done < times; done++) {
      await transaction(() => { for (const map of maps) map.set('n', (map.get('n') ?? 0) + 1); }, {maxRetries: 1000, timeout: 60_000});
    }
    return maps[0]!.get('n');
  }
});
