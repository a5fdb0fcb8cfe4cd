/** One server in a process of its own. `ServerProcess` starts and controls it. */
import {Server, type ServerOptions} from './server.js';

let server: Server | undefined;

const end = async (): Promise<void> => {
  // Requests that hang must not keep the process alive.
  setTimeout(() => process.exit(1), 5000).unref();
  await server?.close();
  process.exit();
};

process.on('message', async (message: 'stats' | 'collect' | ServerOptions) => {
  if (message === 'collect') {
    globalThis.gc?.();
    return process.send!('collected');
  }
  if (message === 'stats') return process.send!(server!.stats);
  server = await Server.start(message);
  process.send!('started');
});
process.once('SIGTERM', end);
// Ctrl-C in a terminal goes to all processes. The one that has started this one ends them in order.
process.on('SIGINT', () => {});
// The process that has started this one has ended.
process.once('disconnect', () => process.exit());
