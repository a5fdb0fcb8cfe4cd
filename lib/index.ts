export {ProxyConnection, type ProxyConnectionOptions, type Status} from './tab/proxy-connection.js';
export {ProxyDoc} from './tab/proxy-doc.js';
export {TabsError, ERROR_CODES} from './protocol/errors.js';
