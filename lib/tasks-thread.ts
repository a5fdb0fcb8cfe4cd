import './tasks/thread/entry-browser.js';

export {expose, isInThread, onEnd, threadData, transfer} from './tasks/thread/api.js';
