/**
 * What an edit survives from when on: 'relaxed', the end of the browser, and 'strict', the loss of power, both before it is
 * shown in other tabs; 'delayed', the end of the browser soon after it is shown, and that of its tab and the worker before.
 */
export type StoreDurability = 'delayed' | 'relaxed' | 'strict';
