import {useScheduler} from './tasks/intake.js';
import {builtin} from './tasks/node.js';
import {useProcessors} from './tasks/options.js';

useScheduler(() => import('./tasks/scheduler-node.js'));
useProcessors(() => builtin<{availableParallelism(): number}>('node:os').availableParallelism());

export * from './tasks/index.js';
