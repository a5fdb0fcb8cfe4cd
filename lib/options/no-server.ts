/** The reason why there is no host if neither the page nor the worker names the server. */
export const NO_URL = 'The server\'s URL is missing: pass url to createConnection({url}) in the page, or to startHost({url}) in the worker';
