/** The connection of one signed-in user. All tabs of this user in a browser share it. */
import {createConnection, type TabConnection} from 'sharedb-tabs';
import {authorize} from './authorize.js';

export function connect(user: string): TabConnection {
  return createConnection({
    url: '/sharedb',
    // The stored data belong to this user. Another user who signs in here gets another store.
    namespace: `user-${user}`,
    getToken,
    // For a host in a page; the shared worker has its own.
    authorize,
    sharedWorker: () =>
      new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'})
  });
}

/** Requests a token for a WebSocket. The session's cookie identifies the user. `connection error` reports what this throws. */
async function getToken(): Promise<string> {
  const response = await fetch('/token', {method: 'POST'});
  if (!response.ok) throw new Error(`/token answers ${response.status}`);
  return response.text();
}
