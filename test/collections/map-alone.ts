import {loadedTransact} from '../../lib/collections/current-transaction.js';
import {SharedMap} from '../../lib/collections/shared-map.js';
import {CollectionsStage} from './stage.js';

// Run as a process of its own: a page that imports nothing but maps. Prints what `update()` does there.
const stage = new CollectionsStage();
const map = await SharedMap.open<string, number>(stage.openTab(), 'n');
const before = loadedTransact() !== undefined;
const values = [await map.update('a', (n = 0) => n + 1), await map.update('a', (n = 0) => n + 1)];
console.log(JSON.stringify({before, values, after: loadedTransact() !== undefined}));
process.exit();
