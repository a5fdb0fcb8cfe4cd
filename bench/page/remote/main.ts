import * as calls from './calls.js';
import * as dom from './dom.js';
import * as streams from './streams.js';

/** The functions that the runner calls in a page. */
const commands = {...calls, ...dom, ...streams};

declare global {
  var remoteBench: typeof commands;
}

globalThis.remoteBench = commands;
