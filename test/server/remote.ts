import richText from 'rich-text';
import {Connection, types} from 'sharedb/lib/client/index.js';
import {WebSocket} from 'ws';

types.register(richText.type);

/** Another client in Node: ShareDB's own client on its own WebSocket. */
export function connectRemotely(url: string): Connection {
  return new Connection(new WebSocket(url) as ConstructorParameters<typeof Connection>[0]);
}
