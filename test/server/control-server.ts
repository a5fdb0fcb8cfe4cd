import {EventEmitter, once} from 'node:events';
import {createServer} from 'node:http';
import {listen, type ShareDBServer} from './sharedb-server.js';

export interface ControlServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Lets a page control the ShareDB server, over a port that stays open when that server is stopped: `/status?path=…` returns the
 * sockets of a path, `/stop` and `/start` answer when they are done. `/hold?name=…` is answered after `/release?name=…`.
 */
export async function startControlServer(shareDB: ShareDBServer): Promise<ControlServer> {
  const host = '127.0.0.1';
  const released = new Set<string>();
  const releases = new EventEmitter();
  const hold = async (name: string): Promise<void> => {
    while (!released.has(name)) await once(releases, name);
  };
  const release = (name: string): void => {
    released.add(name);
    releases.emit(name);
  };
  const commands: Record<string, (query: URLSearchParams) => unknown> = {
    '/status': query => shareDB.sockets(query.get('path') ?? '/'),
    '/stop': () => shareDB.stop(),
    '/start': () => shareDB.start(),
    '/hold': query => hold(query.get('name') ?? ''),
    '/release': query => release(query.get('name') ?? '')
  };
  const server = createServer(async (request, response) => {
    const {pathname, searchParams} = new URL(request.url ?? '/', 'http://control');
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, {
        'access-control-allow-origin': '*',
        'cache-control': 'no-store',
        'content-type': 'application/json'
      });
      response.end(JSON.stringify(body));
    };
    const command = commands[pathname];
    if (!command) return answer(404, {error: `no command ${pathname}`});
    try {
      answer(200, (await command(searchParams)) ?? {});
    } catch (error) {
      answer(500, {error: String(error)});
    }
  });
  const port = await listen(server, 0, host);
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  return {url: `http://${host}:${port}`, close};
}
