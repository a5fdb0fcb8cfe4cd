import {JSDOM} from 'jsdom';

/** React's DOM renderer looks for a window when it is imported: import this before it. */
const {window} = new JSDOM('<!doctype html>', {pretendToBeVisual: true});
Object.assign(globalThis, {window, document: window.document});
// Node has one of its own from 21 on.
globalThis.navigator ??= window.navigator as never;
