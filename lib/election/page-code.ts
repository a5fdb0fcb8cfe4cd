/** The code that a page needs to run a host. One dynamic import loads all of it, so that none is missing when the page is offline. */
export {startElectedHost} from './page-host.js';
export {DirectConnection} from './direct-connection.js';
