/** `npm start`: builds the page, serves it and prints its address. */
import {fileURLToPath} from 'node:url';
import {build} from './build.js';
import {type EditorServer, startServer} from './server.js';

const port = Number(process.env.PORT ?? 8080);
const file = fileURLToPath(new URL('../../build/editor-documents.json', import.meta.url));

let server: EditorServer | undefined;
try {
  // The server starts first, so that a used port is reported at once.
  server = await startServer({port, file});
  console.log('Building the page…');
  await build();
  console.log(`\n  The editor is at ${server.url}\n`);
  followKeys(server);
} catch (error) {
  await server?.close();
  const {code, message} = error as NodeJS.ErrnoException;
  console.error(
    code === 'EADDRINUSE'
      ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`
      : `The editor could not be started: ${message}`
  );
  process.exitCode = 1;
}

function followKeys(server: EditorServer): void {
  const leave = async () => {
    await server.close();
    process.exit();
  };
  process.once('SIGINT', leave);
  process.once('SIGTERM', leave);
  if (!process.stdin.isTTY) return;

  console.log('  s stops the server and starts it again, Ctrl-C ends.\n');
  let running = true;
  const toggle = async () => {
    running = !running;
    try {
      await (running ? server.start() : server.stop());
      console.log(running ? 'The server is back.' : 'The server is down. Type on in the tabs, then press s again.');
    } catch (error) {
      running = !running;
      console.error(`That did not work: ${(error as Error).message}`);
    }
  };
  process.stdin.setRawMode(true);
  process.stdin.on('data', (key) => {
    // In raw mode the terminal passes Ctrl-C to this process.
    if (key[0] === 3) void leave();
    else if (key.toString() === 's') void toggle();
  });
}
