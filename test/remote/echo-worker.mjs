import {register} from 'tsx/esm/api';
import {parentPort} from 'node:worker_threads';

register();
const {expose} = await import('../../lib/remote.ts');
expose({
  add: (a, b) => a + b,
  call: async f => await f(1),
  never: () => new Promise(() => {}),
  exit: () => process.exit(3)
}, parentPort);
