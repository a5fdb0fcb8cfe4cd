import {startHost} from '../../lib/worker.js';

/** Imports `startHost` and never calls it. */
export const start = startHost;
