/** `npm run codemirror`: builds the page, serves it and prints its address. */
import {fileURLToPath} from 'node:url';
import {build} from './build.js';
import {startServer} from './server.js';

const port = Number(process.env.PORT ?? 8080);
const pages = fileURLToPath(new URL('../../build/codemirror', import.meta.url));

try {
  const server = await startServer({port, pages});
  console.log('Building the page…');
  await build({outDir: pages});
  console.log(`\n  Open ${server.url} in several tabs. Ctrl-C ends.\n`);
} catch (error) {
  const {code, message} = error as NodeJS.ErrnoException;
  console.error(code === 'EADDRINUSE' ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm run codemirror` : `The example could not be started: ${message}`);
  process.exitCode = 1;
}
