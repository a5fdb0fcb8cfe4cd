/** Replaces `sharedb/lib/client` for ShareDB's example: its `new Connection(socket)` is the tab's connection. */
import {connection} from '../connect.js';

export {types} from 'sharedb/lib/client/index.js';

export class Connection {
  constructor() {
    return connection;
  }
}
