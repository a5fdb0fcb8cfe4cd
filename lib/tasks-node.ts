import {nodeThreads} from './tasks/spawn-node.js';
import {useThreads} from './tasks/threads.js';

useThreads(nodeThreads);

export * from './tasks/index.js';
