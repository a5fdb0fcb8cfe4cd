import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {chownSync, mkdtempSync, readFileSync, openSync, closeSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** The account that a program runs under, if it is not the account of this process. */
export interface Account {
  uid: number;
  gid: number;
}

/** Creates a temporary folder for a program. */
export function temporaryFolder(name: string, account?: Account): string {
  const folder = mkdtempSync(join(tmpdir(), `scale-out-${name}-`));
  if (account) chownSync(folder, account.uid, account.gid);
  return folder;
}

/**
 * Waits for the end of the pipe to this process, which comes also when this process is killed. Then it ends the program and removes
 * its folder. It is in a session of its own, so that no signal to our process group ends it before.
 */
const GUARDIAN = 'cat >/dev/null; kill -s "$1" "$2" 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$2" 2>/dev/null || break; sleep 1; done; ' +
  'kill -KILL "$2" 2>/dev/null; rm -rf "$3"';

export interface ProgramOptions {
  args: string[];
  /** It is removed when this process dies before {@link Program.remove}. */
  folder: string;
  /** The signal that ends the program in an orderly way. */
  signal: NodeJS.Signals;
  account?: Account | undefined;
}

/** A program in the foreground that does not outlive this process. */
export class Program {
  private child: ChildProcess | undefined;
  private guardian: ChildProcess | undefined;

  constructor(private readonly path: string, private readonly options: ProgramOptions) {}

  get isRunning(): boolean {
    return !!this.child && this.child.exitCode === null && this.child.signalCode === null;
  }

  /**
   * @param isReady called every 50 ms until it resolves with true
   * @throws an error with the program's output, if the program ends before or is not ready within 30 s
   */
  async start(isReady: () => Promise<boolean>): Promise<void> {
    if (this.isRunning) throw new Error(`${this.path} runs already`);
    const {args, folder, signal, account} = this.options;
    const log = openSync(join(folder, 'log'), 'a');
    // In a process group of its own: Ctrl-C in a terminal goes to all processes of a group, and this process ends its programs in order.
    const child = spawn(this.path, args, {cwd: folder, stdio: ['ignore', log, log], detached: true, ...account});
    closeSync(log);
    this.child = child;
    await once(child, 'spawn');
    this.guardian = spawn('sh', ['-c', GUARDIAN, 'sh', signal.slice(3), String(child.pid), folder], {detached: true, stdio: ['pipe', 'ignore', 'ignore']});
    // Otherwise the guardian would keep this process alive after its work is done.
    this.guardian.unref();
    for (const end = Date.now() + 30_000; !(await isReady().catch(() => false)); await new Promise(resolve => setTimeout(resolve, 50))) {
      if (this.isRunning && Date.now() < end) continue;
      const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000);
      await this.stop('SIGKILL');
      throw new Error(`${this.path} did not start:\n${said}`);
    }
  }

  /** @param signal Default: the one that ends the program in an orderly way */
  async stop(signal: NodeJS.Signals = this.options.signal): Promise<void> {
    const {child, guardian} = this;
    if (child && this.isRunning) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    // The guardian is killed: at the end of its pipe, it would send signals to a process id that another program may have by now.
    guardian?.kill('SIGKILL');
    this.child = this.guardian = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.options.folder, {recursive: true, force: true});
  }
}

/** Ports that no system gives to outgoing connections: a program that is started again finds its port free. */
const [FIRST_PORT, LAST_PORT] = [20_000, 32_000];

/** A TCP port on 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await whyNotFree(port) === undefined) return port;
  }
}

/** @returns why nobody can listen on a TCP port on 127.0.0.1; undefined if it is free */
export async function whyNotFree(port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise(resolve => {
    server.once('error', ({code}: NodeJS.ErrnoException) => resolve(code === 'EADDRINUSE' ? 'it is taken' : String(code)));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
}
