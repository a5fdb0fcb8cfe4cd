/** `npm run scale-out`: starts all of it, says where, and takes commands. */
import {createInterface} from 'node:readline';
import {build, pagesFolder} from './build.js';
import {Deployment} from './deployment.js';
import {trimOps} from './trim.js';

const {PORT = '8080', DATABASE_URL, REDIS_URL, TOKEN_SECONDS} = process.env;

const deployment = await Deployment.start({
  port: Number(PORT), pages: pagesFolder, databaseUrl: DATABASE_URL, redisUrl: REDIS_URL,
  tokenSeconds: TOKEN_SECONDS === undefined ? undefined : Number(TOKEN_SECONDS)
});
const {proxy, servers, postgres, redis, databaseUrl} = deployment;

const notOurs = (): string => 'It was given, and is not ours to stop.';

const commands: Record<string, (argument: string) => unknown> = {
  drop: () => proxy.drop(),
  kill: number => servers[Number(number) - 1]?.kill() ?? 'Which one? kill 1 or kill 2',
  start: number => servers[Number(number) - 1]?.start() ?? 'Which one? start 1 or start 2',
  postgres: what => (!postgres ? notOurs() : what === 'stop' ? postgres.crash() : postgres.start()),
  redis: what => (!redis ? notOurs() : what === 'stop' ? redis.crash() : redis.start()),
  trim: async days => `${(await trimOps(databaseUrl, {days: Number(days || 30)})).length} ops deleted`,
  stats: async () => Promise.all(servers.filter(server => server.isRunning).map(server => server.stats())),
  quit: () => leave()
};

const leave = async (): Promise<void> => {
  await deployment.close();
  process.exit();
};
process.once('SIGINT', leave);
process.once('SIGTERM', leave);

try {
  console.log('Building the page…');
  await build();
  console.log(`
  ${proxy.url}?user=ada   and   ${proxy.url}?user=ben

  drop | kill 1 | start 1 | redis stop | redis start | postgres stop | postgres start | trim 30 | stats | quit
`);
} catch (error) {
  console.error(`The page could not be built: ${(error as Error).message}`);
  await deployment.close();
  process.exit(1);
}

for await (const line of createInterface(process.stdin)) {
  const [name = '', argument = ''] = line.trim().split(/\s+/);
  const command = commands[name];
  if (name && !command) console.log(`There is no ${name}. There is: ${Object.keys(commands).join(', ')}`);
  if (!command) continue;
  try {
    console.log(await command(argument) ?? 'done');
  } catch (error) {
    console.error((error as Error).message);
  }
}
