import {createServer} from 'node:http';
import {servePage} from '../examples/editor/pages.js';
import {listen} from '../test/server/sharedb-server.js';

export interface Site {
  url: string;
  close(): Promise<void>;
}

/** Serves the pages, also while the ShareDB server is away. They are isolated from other origins, which gives them precise clocks. */
export async function startSite(folder: string): Promise<Site> {
  const host = '127.0.0.1';
  const server = createServer((request, response) => {
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
    void servePage(folder, request, response);
  });
  const port = await listen(server, 0, host);
  return {
    url: `http://${host}:${port}/`,
    async close() {
      const closed = new Promise(resolve => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
  };
}
