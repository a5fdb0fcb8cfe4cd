import {browserThreads} from './tasks/spawn-browser.js';
import {useThreads} from './tasks/threads.js';

useThreads(browserThreads);

export * from './tasks/index.js';
