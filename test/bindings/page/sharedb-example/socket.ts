/** What ShareDB's example gets for `reconnecting-websocket`: the worker has the socket. */
class Socket {}

export {Socket as 'module.exports'};
