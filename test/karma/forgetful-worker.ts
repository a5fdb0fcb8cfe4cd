import {startHost} from '../../lib/worker.js';

/** Imported, and never called. */
export const start = startHost;
