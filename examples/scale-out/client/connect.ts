/** The connection of one signed-in user. All tabs of this user in a browser share it. */
import {createConnection, type TabConnection} from 'sharedb-tabs';
import {authorize} from './authorize.js';

export function connect(user: string): TabConnection {
  return createConnection({
    url: '/sharedb',
    // What is stored belongs to this user: another one who signs in here has other documents.
    namespace: `user-${user}`,
    getToken,
    // For a host in a page; the shared worker has its own.
    authorize,
    sharedWorker: () =>
      new SharedWorker(new URL('./sharedb.worker.ts', import.meta.url), {type: 'module', name: 'sharedb'})
  });
}

/** The cookie of the session gets a token for one WebSocket. What is thrown here shows up in `connection error`. */
async function getToken(): Promise<string> {
  const response = await fetch('/token', {method: 'POST'});
  if (!response.ok) throw new Error(`/token answers ${response.status}`);
  return response.text();
}
