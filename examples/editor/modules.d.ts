/** Packages of the example that come without types. */
declare module '@teamwork/websocket-json-stream' {
  import type {Duplex} from 'node:stream';
  import type {WebSocket} from 'ws';
  const WebSocketJSONStream: new (socket: WebSocket) => Duplex;
  export default WebSocketJSONStream;
}

declare module 'rich-text' {
  import type {Type} from 'sharedb/lib/sharedb.js';
  const richText: {type: Type & {name: string; uri: string}};
  export default richText;
}
