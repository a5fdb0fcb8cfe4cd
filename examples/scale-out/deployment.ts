import {type ChildProcess, fork} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {freePort} from './program.js';
import {Postgres, createTables} from './postgres.js';
import {Proxy} from './proxy.js';
import {Redis} from './redis.js';
import type {ServerOptions, ServerStats} from './server.js';

export interface DeploymentOptions extends Partial<Pick<ServerOptions, 'tokenSeconds' | 'pingMs' | 'maxPayload' | 'spreadMs' | 'logs' | 'secret'>> {
  pages: string;
  /** A database and a Redis that run already. Without them, this starts its own, and ends them. */
  databaseUrl?: string | undefined;
  redisUrl?: string | undefined;
  /** How many servers. Default 2. */
  servers?: number | undefined;
  /** The proxy's port; 0 takes a free one. */
  port?: number | undefined;
  /** The proxy cuts connections that have been silent for this time, in ms. Default 60,000. */
  idleMs?: number | undefined;
}

/** A database, a Redis, servers that share them, and a proxy in front of the servers. */
export class Deployment {
  private constructor(
    readonly proxy: Proxy, readonly servers: readonly ServerProcess[], readonly databaseUrl: string,
    /** Undefined if the deployment uses a given one. */
    readonly postgres: Postgres | undefined, readonly redis: Redis | undefined
  ) {}

  static async start(options: DeploymentOptions): Promise<Deployment> {
    const {port = 0, idleMs, servers: count = 2, databaseUrl: givenDatabase, redisUrl: givenRedis, ...serverOptions} = options;
    const ends: (() => Promise<void>)[] = [];
    try {
      const postgres = givenDatabase === undefined ? await Postgres.start() : undefined;
      if (postgres) ends.push(() => postgres.close());
      const redis = givenRedis === undefined ? await Redis.start() : undefined;
      if (redis) ends.push(() => redis.close());
      const databaseUrl = givenDatabase ?? postgres!.url;
      await createTables(databaseUrl);
      const secret = randomBytes(32).toString('hex');
      const servers: ServerProcess[] = [];
      for (let i = 0; i < count; i++) {
        const server = new ServerProcess({databaseUrl, redisUrl: givenRedis ?? redis!.url, secret, ...serverOptions, port: await freePort()});
        ends.push(() => server.stop());
        await server.start();
        servers.push(server);
      }
      const proxy = await Proxy.listen({port, idleMs, targets: servers.map(({port: target}) => target)});
      return new Deployment(proxy, servers, databaseUrl, postgres, redis);
    } catch (error) {
      for (const end of ends.reverse()) await end();
      throw error;
    }
  }

  /** Ends the servers first, so that they close their clients' sockets with 1012. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map(server => server.stop()));
    await this.proxy.close();
    await this.redis?.close();
    await this.postgres?.close();
  }
}

/** A server in a process of its own, which can be killed and started again on its port. */
export class ServerProcess {
  private child: ChildProcess | undefined;

  constructor(private options: ServerOptions) {}

  get port(): number {
    return this.options.port;
  }

  get isRunning(): boolean {
    return !!this.child && this.child.exitCode === null && this.child.signalCode === null;
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new Error('the server runs already');
    const child = fork(fileURLToPath(new URL('server-process.ts', import.meta.url)), {execArgv: ['--import', 'tsx', '--expose-gc']});
    this.child = child;
    child.send(this.options);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => { throw new Error(`a server ended with ${code} when it started`); })
    ]);
  }

  async stats(): Promise<ServerStats> {
    return (await this.ask('stats')) as ServerStats;
  }

  /** Collects the garbage, so that `stats` reports only memory that is in use. */
  async collect(): Promise<void> {
    await this.ask('collect');
  }

  /** Ends the process at once, as in a crash. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Ends the process in an orderly way. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Ends the process in an orderly way and starts it with other options, as a deploy does. */
  async replace(options: Partial<ServerOptions> = {}): Promise<void> {
    await this.stop();
    this.options = {...this.options, ...options};
    await this.start();
  }

  private async ask(message: 'stats' | 'collect'): Promise<unknown> {
    const answer = once(this.child!, 'message');
    this.child!.send(message);
    return (await answer)[0];
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const {child} = this;
    if (!child || !this.isRunning) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
