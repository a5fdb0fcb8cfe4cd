import {spawn} from 'node:child_process';
import {createServer} from 'node:http';
import {servePage} from '../../examples/editor/pages.js';
import {listen} from '../server/sharedb-server.js';
import {cleanEnvironment} from './execute.js';
import {binOf} from './package.js';

export interface Site {
  url: string;
  close(): Promise<void>;
}

export async function serveFolder(folder: string): Promise<Site> {
  const server = createServer((request, response) => void servePage(folder, request, response));
  const port = await listen(server, 0, '127.0.0.1');
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  return {url: `http://127.0.0.1:${port}/`, close};
}

/** Serves an app with a program that prints its address and then runs on. */
export async function serveWith(app: string, name: string, args: string[]): Promise<Site> {
  const program = binOf(app, name);
  const child = spawn(program, args, {
    cwd: app,
    env: {...cleanEnvironment(), NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1'},
    // esbuild serves until its input ends.
    stdio: ['pipe', 'pipe', 'pipe']
  });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    // Those of webpack and esbuild tell their addresses on stderr.
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output += chunk;
        const found = /(http:\/\/127\.0\.0\.1:\d+)\/?\s/.exec(output);
        if (found) resolve(`${found[1]}/`);
      });
    }
    child.stderr.pipe(process.stderr, {end: false});
    child.once('error', reject);
    void ended.then(() => reject(new Error(`${name} ended: ${output}`)));
  });
  const close = async () => {
    child.kill();
    await ended;
  };
  return {url, close};
}
