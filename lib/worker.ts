export {startHost, type StartHostOptions} from './connect/worker-host.js';
