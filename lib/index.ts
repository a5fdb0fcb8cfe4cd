export {createConnection} from './connect/create-connection.js';
export {TabConnection} from './connect/tab-connection.js';
export type {BackendOrSocket, ConnectOptions, Mode} from './connect/options.js';
export {
  ProxyConnection, type ProxyConnectionEvents, type ProxyConnectionOptions, type ProxyQuery, type QueryOptions, type Status
} from './tab/proxy-connection.js';
export {ProxyDoc} from './tab/proxy-doc.js';
export {TabsError, ERROR_CODES} from './protocol/errors.js';
export type {DeadLetter} from './protocol/messages.js';
export type {Completion} from './tab/completion.js';
export type {ConnectionEvents, DocEvents, QueryEvents} from './tab/events.js';
