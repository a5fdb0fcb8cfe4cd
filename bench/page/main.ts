import * as bareUse from './bare-use.js';
import * as documents from './documents.js';
import * as durable from './durable-edits.js';
import * as edits from './edits.js';
import * as offline from './offline-start.js';
import * as typing from './typing.js';

/** The functions that the runner calls in a page. */
const commands = {...bareUse, ...documents, ...durable, ...edits, ...offline, ...typing};

declare global {
  var bench: typeof commands;
}

globalThis.bench = commands;
