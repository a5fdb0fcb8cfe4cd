import {WebSocketServer, type ServerOptions} from 'ws';

/**
 * A class that a page's code can use in place of `WebSocketServer`. It listens on a free port.
 * @param onCreated called with the server
 * @param options of the server, in place of those of the page
 */
export function freePortServer(onCreated: (server: WebSocketServer) => void, options: ServerOptions): new () => WebSocketServer {
  return class extends WebSocketServer {
    constructor() {
      super({port: 0, host: '127.0.0.1', ...options});
      onCreated(this);
    }
  };
}
