import {build} from 'esbuild';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {makeHistory} from './history.js';

const folder = fileURLToPath(new URL('./page/', import.meta.url));
const lib = fileURLToPath(new URL('../../lib/', import.meta.url));

export interface ExampleServer {
  url: string;
  close(): Promise<void>;
}

/** Serves the page with a strict Content-Security-Policy, and the history. */
export async function startExample(port: number, versions = 4_000, paragraphs = 400): Promise<ExampleServer> {
  const {outputFiles} = await build({
    entryPoints: ['main.ts', 'history.worker.ts'].map(name => folder + name), outdir: '/', bundle: true, splitting: true, format: 'esm', write: false, target: 'es2022',
    // An app has the package in node_modules; here it is taken from its sources.
    alias: {'sharedb-tabs/tasks/thread': `${lib}tasks-thread.ts`, 'sharedb-tabs/tasks': `${lib}tasks.ts`}, ignoreAnnotations: true
  });
  const files = new Map(outputFiles.map(({path, text}) => [path, text]));
  for (const name of ['index.html', 'style.css']) files.set(`/${name}`, await readFile(folder + name, 'utf8'));
  files.set('/', files.get('/index.html')!);
  files.set('/history.json', JSON.stringify(await makeHistory(versions, paragraphs)));
  const types: Record<string, string> = {js: 'text/javascript', css: 'text/css', json: 'application/json'};
  const server = createServer((request, response) => {
    // Not as a URL: an address is whatever a client has sent, such as `//`.
    const pathname = request.url!.split('?', 1)[0]!;
    const content = files.get(pathname);
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': types[pathname.split('.').at(-1)!] ?? 'text/html', 'content-security-policy': "default-src 'self'"
    });
    response.end(content);
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as {port: number}).port}/`,
    close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    }
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) console.log(`Open ${(await startExample(Number(process.env['PORT'] ?? 8_090))).url}`);
