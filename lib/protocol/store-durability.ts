/**
 * How durable an edit is, and from when.
 * - 'relaxed': before other tabs show the edit, it survives a crash of the browser.
 * - 'strict': before other tabs show the edit, it survives a power loss.
 * - 'delayed': before other tabs show the edit, it survives the end of its tab and of the worker; soon after, a crash of the
 *   browser.
 */
export type StoreDurability = 'delayed' | 'relaxed' | 'strict';
