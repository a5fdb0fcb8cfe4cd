/**
 * How durable an edit is when another tab shows it. With each value, the host writes an edit before it sends the edit to the server.
 * - 'delayed': other tabs may show an edit before it is written, which usually takes some milliseconds. Until then, the edit survives
 *   the end of its tab and of the host if another tab that shows it is still open. Then it also survives a crash of the browser.
 * - 'written': other tabs show an edit only after it is written, so it survives a crash of the browser.
 * - 'strict': as 'written', and each write waits for the disk, so an edit that other tabs show also survives a power loss.
 */
export type StoreDurability = 'delayed' | 'written' | 'strict';
