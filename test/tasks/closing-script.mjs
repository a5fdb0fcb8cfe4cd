/* Closes a pool whose threads are idle. Nothing else keeps the process alive. */
import {register} from 'tsx/esm/api';

register();
const {WorkerPool} = await import('../../lib/tasks-node.ts');
const pool = new WorkerPool({size: 2});
await pool.warmUp();
await pool.resize(1);
console.log(await pool.execute(() => 'ran'));
await pool.close();
console.log('closed');
