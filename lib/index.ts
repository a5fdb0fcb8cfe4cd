export {createConnection} from './connect/create-connection.js';
export {TabConnection} from './connect/tab-connection.js';
export type {BackendOrSocket, ConnectOptions, Mode} from './connect/options.js';
export {ProxyConnection, type ProxyConnectionOptions, type Status} from './tab/proxy-connection.js';
export {ProxyDoc} from './tab/proxy-doc.js';
export {TabsError, ERROR_CODES} from './protocol/errors.js';
