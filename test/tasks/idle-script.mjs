/* A script that closes no pool: it ends when its work is done. */
import {register} from 'tsx/esm/api';

register();
const {Deferred, WorkerPool} = await import('../../lib/tasks-node.ts');
const pool = new WorkerPool({size: 2, idleTimeout: Infinity});
console.log(await new Deferred((x) => x + 1, 1), (await pool.map([1, 2, 3], x => x * 2)).join());
