import {startThread} from './port-browser.js';

startThread();
