import './tasks/thread/start-node.js';

export {expose, isInThread, onEnd, threadData, transfer} from './tasks/thread/api.js';
