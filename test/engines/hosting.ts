import type {Mode} from '../../lib/index.js';

/** The hosting mode: a shared worker, or an elected tab if the browser has no shared workers. */
export type Hosting = Extract<Mode, 'shared-worker' | 'elected-tab'>;

export const hostings: readonly Hosting[] = ['shared-worker', 'elected-tab'];
