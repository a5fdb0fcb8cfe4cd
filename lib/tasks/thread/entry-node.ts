import {startThread} from './port-node.js';

// Node gives these to scripts from a string, as globals. Source tasks may use `require`.
for (const name of ['module', 'exports', '__filename', '__dirname']) Reflect.deleteProperty(globalThis, name);
startThread();
