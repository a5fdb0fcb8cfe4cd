import {SharedMap, transaction} from '../../lib/collections.js';
import {ProxyConnection} from '../../lib/index.js';
import {expose, onEnd} from '../../lib/tasks-thread.js';

/** The script of a pool whose threads take part in the page's collections. */
let opening: Promise<SharedMap<string, number>> | undefined;
const open = (namespace: string): Promise<SharedMap<string, number>> => opening ??= (async () => {
  const connection = new ProxyConnection({namespace});
  onEnd(() => connection.close());
  return SharedMap.open<string, number>(connection, 'counts');
})();

expose({
  async count(namespace: string, times: number): Promise<number | undefined> {
    const map = await open(namespace);
    for (let done = 0; done < times; done++) await transaction(() => map.set('n', (map.get('n') ?? 0) + 1), {maxRetries: 1000, timeout: 60_000});
    return map.get('n');
  }
});
