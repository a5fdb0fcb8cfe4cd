import {startThread} from './port-node.js';

// This is a module of its own, so that it runs before the script's other imports request the runtime.
startThread();
