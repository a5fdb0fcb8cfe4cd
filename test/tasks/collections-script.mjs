/* The script of a pool whose threads take part in the page's collections, from the library's sources. */
import {register} from 'tsx/esm/api';

register();
const {expose, onEnd} = await import('../../lib/tasks-thread-node.ts');
const {ProxyConnection} = await import('../../lib/index.ts');
const {SharedMap, transaction} = await import('../../lib/collections.ts');

let opening;
const open = namespace => opening ??= (async () => {
  const connection = new ProxyConnection({namespace});
  onEnd(() => connection.close());
  return SharedMap.open(connection, 'counters');
})();

expose({
  async count(namespace, times) {
    const counters = await open(namespace);
    for (let done = 0; done < times; done++) await transaction(() => counters.set('n', counters.get('n') + 1), {maxRetries: 1_000});
    return counters.get('n');
  }
});
