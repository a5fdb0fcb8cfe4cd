import type {Connection} from 'sharedb/lib/client/index.js';
import {turn} from './node-turn.js';

/** Turns without a request under way after which no answer leads to another one. */
const QUIET_TURNS = 20;

/** Resolves when the server has answered all requests of this connection, and the answers have led to no other request. */
export async function quiet(connection: Connection): Promise<void> {
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await turn();
    if (connection.state !== 'connected' || connection.hasPending()) turns = 0;
  }
}
