import type {Deployment} from './deployment.js';
import {trimOps} from './trim.js';

const HELP = 'drop | kill 1 | start 1 | redis stop | redis start | postgres stop | postgres start | trim 30 | stats | quit';

type Startable = {start(): Promise<void>; crash(): Promise<void>};

/** Runs the commands that are typed while a deployment runs. */
export class Commands {
  static readonly help = HELP;

  constructor(private readonly deployment: Pick<Deployment, 'proxy' | 'servers' | 'postgres' | 'redis' | 'databaseUrl'>, private readonly leave: () => Promise<void>) {}

  /** @returns the output; undefined for an empty line. Rejects if there is no such command */
  async perform(line: string): Promise<unknown> {
    const [name = '', argument = '', ...more] = line.trim().split(/\s+/);
    if (!name) return undefined;
    const {proxy, postgres, redis, databaseUrl} = this.deployment;
    if (!more.length) {
      switch (name) {
        case 'drop': return said(proxy.drop());
        case 'kill': return said(await this.server(argument).kill());
        case 'start': return said(await this.server(argument).start());
        case 'postgres': return said(await turn(postgres, argument));
        case 'redis': return said(await turn(redis, argument));
        case 'trim': return `${(await trimOps(databaseUrl, {days: daysOf(argument)})).length} ops deleted`;
        case 'stats': return Promise.all(this.deployment.servers.filter(server => server.isRunning).map(server => server.stats()));
        case 'quit': return said(await this.leave());
      }
    }
    throw new Error(`There is no ${line.trim()}. There is: ${HELP}`);
  }

  private server(number: string): Deployment['servers'][number] {
    const server = this.deployment.servers[Number(number) - 1];
    if (!server) throw new Error(`There is no server ${number}. There are ${this.deployment.servers.length}, from 1 on`);
    return server;
  }
}

const said = (_nothing: void): string => 'done';

async function turn(program: Startable | undefined, how: string): Promise<void> {
  if (!program) throw new Error('It was given, and is not ours to stop or start');
  if (how === 'stop') return program.crash();
  if (how === 'start') return program.start();
  throw new Error('stop or start?');
}

function daysOf(argument: string): number {
  const days = Number(argument || 30);
  if (!(days >= 0)) throw new Error(`trim ${argument}: how many days of ops are to be kept?`);
  return days;
}
