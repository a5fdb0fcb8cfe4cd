import {connect} from 'node:net';
import {Program, freePort, temporaryFolder} from './program.js';
import {requirePrograms} from './programs.js';

/** A separate Redis without persistence. */
export class Redis {
  private constructor(private readonly program: Program, private readonly port: number) {}

  static async start(): Promise<Redis> {
    const {redis} = requirePrograms('redis');
    const folder = temporaryFolder('redis');
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder];
    const started = new Redis(new Program(redis, {args, folder, signal: 'SIGTERM'}), port);
    try {
      await started.start();
    } catch (error) {
      await started.close();
      throw error;
    }
    return started;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  start(): Promise<void> {
    return this.program.start(() => answers(this.port));
  }

  crash(): Promise<void> {
    return this.program.stop('SIGKILL');
  }

  /** Ends it for good. */
  close(): Promise<void> {
    return this.program.remove();
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('data', data => end(data.toString().startsWith('+PONG')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
