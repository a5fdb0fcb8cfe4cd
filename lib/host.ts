export {Host, type HostOptions} from './host/host.js';
