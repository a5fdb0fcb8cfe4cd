import * as durable from './durable-edits.js';
import * as edits from './edits.js';
import * as offline from './offline-start.js';

/** What the runner calls in a page. */
const commands = {...durable, ...edits, ...offline};

declare global {
  var bench: typeof commands;
}

globalThis.bench = commands;
