/**
 * What an edit survives from the moment on in which another tab shows it. Each of them writes the edit before the server gets it.
 * - 'delayed': the end of its tab and of the host, as long as any tab that shows it lives. It is written meanwhile, which takes
 *   some milliseconds, and survives a crash of the browser from then on.
 * - 'written': a crash of the browser. Other tabs show an edit only after it is written.
 * - 'strict': a power loss. Other tabs show an edit only after it is written, and each write waits for the disk.
 */
export type StoreDurability = 'delayed' | 'written' | 'strict';
