/** Serves the built page as static files. */
import {readFile} from 'node:fs/promises';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {extname, join, normalize} from 'node:path';

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml'
};

export async function servePage(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = (status: number, type: string, body: string | Buffer) => {
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff'
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const refuse = (status: number, reason: string) => answer(status, 'text/plain; charset=utf-8', `${reason}\n`);

  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'Method not allowed');
  const name = fileName(request.url ?? '/');
  const type = name && contentTypes[extname(name)];
  if (!name || !type) return refuse(404, 'Not found');
  try {
    answer(200, type, await readFile(join(folder, name)));
  } catch {
    refuse(404, 'Not found');
  }
}

/** The path below the folder; undefined if it leads out of the folder. */
function fileName(url: string): string | undefined {
  let path;
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '');
  } catch {
    return undefined;
  }
  if (path.includes('\0')) return undefined;
  // After normalization from the root, `..` can't climb higher.
  const name = normalize(`/${path}`);
  return name.endsWith('/') ? `${name}index.html` : name;
}
