import {startThread} from './port-node.js';

// A module of its own: it has run before the script's other imports ask for the runtime.
startThread();
