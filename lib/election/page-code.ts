/** The code that a page needs to run a host. One dynamic import loads all of it, so that it is there when the network is not. */
export {startElectedHost} from './page-host.js';
export {DirectConnection} from './direct-connection.js';
