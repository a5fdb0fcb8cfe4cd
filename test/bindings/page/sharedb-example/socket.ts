/** Replaces `reconnecting-websocket` for ShareDB's example: the worker has the socket. */
class Socket {}

export {Socket as 'module.exports'};
