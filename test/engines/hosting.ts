import type {Mode} from '../../lib/index.js';

/** Where the host of the tabs is: in a shared worker, or in one of them where the browser has no shared workers. */
export type Hosting = Extract<Mode, 'shared-worker' | 'elected-tab'>;

export const hostings: readonly Hosting[] = ['shared-worker', 'elected-tab'];
