import {useScheduler} from './tasks/intake.js';

useScheduler(() => import('./tasks/scheduler-node.js'));

export * from './tasks/index.js';
