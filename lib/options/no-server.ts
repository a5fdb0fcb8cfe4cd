/** Why there is no host, where neither place that can name the server does. */
export const NO_URL = 'Nobody says where the server is: pass url to createConnection({url}) in the page, or to startHost({url}) in the worker';
