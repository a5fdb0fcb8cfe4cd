/** Starts an example that has one page. */
import {fileURLToPath} from 'node:url';
import type {EditorServer, ServerOptions} from './server.js';

/**
 * Builds the page of an example, serves it and prints its address. On failure, prints the reason and sets the process's exit code.
 * @param name the name of the example and of its npm script
 */
export async function servePage(
  name: string,
  {build, startServer}: {build: (options: {outDir: string}) => Promise<void>; startServer: (options: ServerOptions) => Promise<EditorServer>}
): Promise<void> {
  const port = Number(process.env.PORT ?? 8080);
  const pages = fileURLToPath(new URL(`../../build/${name}`, import.meta.url));
  let server: EditorServer | undefined;
  try {
    // The server starts first, so that a used port is reported at once.
    server = await startServer({port, pages});
    console.log('Building the page…');
    await build({outDir: pages});
    console.log(`\n  Open ${server.url} in several tabs. Ctrl-C ends.\n`);
  } catch (error) {
    await server?.close();
    const {code, message} = error as NodeJS.ErrnoException;
    console.error(code === 'EADDRINUSE' ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm run ${name}` : `The example could not be started: ${message}`);
    process.exitCode = 1;
  }
}
