import {spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import {type Account, Program, freePort, temporaryFolder} from './program.js';
import {requirePrograms} from './programs.js';

/** A separate PostgreSQL in a temporary folder. */
export class Postgres {
  private constructor(private readonly program: Program, readonly url: string) {}

  static async start(): Promise<Postgres> {
    const {initdb, postgres} = requirePrograms('initdb', 'postgres');
    const account = accountOfPostgres();
    const folder = temporaryFolder('postgres', account);
    const data = join(folder, 'data');
    const password = randomBytes(16).toString('hex');
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, password, {mode: 0o644});
    const {status, stderr} = spawnSync(initdb, [
      '-D', data, '-U', 'notes', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--no-locale', '--no-sync'
    ], {cwd: folder, encoding: 'utf8', env: {PATH: `${dirname(initdb)}:/usr/bin:/bin`}, ...account});
    if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
    const port = await freePort();
    const program = new Program(postgres, {
      // Without fsync a loss of power loses commits, and a killed PostgreSQL does not.
      args: ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'max_connections=60'],
      folder, account, signal: 'SIGINT'
    });
    const started = new Postgres(program, `postgresql://notes:${password}@127.0.0.1:${port}/postgres`);
    try {
      await started.start();
    } catch (error) {
      await program.remove();
      throw error;
    }
    return started;
  }

  start(): Promise<void> {
    return this.program.start(async () => {
      await query(this.url, 'SELECT 1');
      return true;
    });
  }

  /** Ends it at once, as in a crash: clients get no notice, and the next start recovers from the log. */
  crash(): Promise<void> {
    return this.program.stop('SIGQUIT');
  }

  /** Ends it for good. */
  close(): Promise<void> {
    return this.program.remove();
  }
}

/** PostgreSQL refuses to run as root. Debian's package makes an account for it. */
function accountOfPostgres(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8').split('\n').map(line => line.split(':')).find(([name]) => name === 'postgres');
  if (!entry) throw new Error('PostgreSQL does not run as root, and there is no account postgres. Create it, or run this as another user.');
  return {uid: Number(entry[2]), gid: Number(entry[3])};
}

/** Creates the tables if they are missing. */
export async function createTables(url: string): Promise<void> {
  await query(url, readFileSync(fileURLToPath(new URL('schema.sql', import.meta.url)), 'utf8'));
}

/** Runs one query, on a connection of its own. */
export async function query<Row extends object>(url: string, text: string, values?: unknown[]): Promise<Row[]> {
  const client = new pg.Client({connectionString: url, connectionTimeoutMillis: 5000});
  // The connection may be lost between the answer and `end`.
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(text, values)).rows as Row[];
  } finally {
    await client.end().catch(() => {});
  }
}
