/** `npm run scale-out`: starts a deployment, prints its address, and runs commands. */
import {createInterface} from 'node:readline';
import {build, pagesFolder} from './build.js';
import {Commands} from './commands.js';
import {Deployment} from './deployment.js';
import {whyNotFree} from './program.js';
import {settingsOf} from './settings.js';

let deployment: Deployment | undefined;

/** This also works during the start: programs that run by then end with this process. */
const leave = async (): Promise<void> => {
  await deployment?.close();
  process.exit();
};
process.once('SIGINT', leave);
process.once('SIGTERM', leave);

try {
  const settings = settingsOf(process.argv.slice(2), process.env);
  const {port} = settings;
  const trouble = port ? await whyNotFree(port) : undefined;
  if (trouble) throw new Error(`port ${port} can't be used: ${trouble}. Choose another one: PORT=${port % 65_535 + 1} npm run scale-out`);
  deployment = await Deployment.start({...settings, pages: pagesFolder});
  console.log('Building the page…');
  await build();
} catch (error) {
  console.error(`The deployment could not be started: ${reasonOf(error)}`);
  await deployment?.close();
  process.exit(1);
}

const commands = new Commands(deployment, leave);
console.log(`
  ${deployment.proxy.url}?user=ada   and   ${deployment.proxy.url}?user=ben

  ${Commands.help}
`);
for await (const line of createInterface(process.stdin)) {
  try {
    const answer = await commands.perform(line);
    if (answer !== undefined) console.log(answer);
  } catch (error) {
    console.error(reasonOf(error));
  }
}

/** Node's error of a refused connection has no message of its own. */
function reasonOf(error: unknown): string {
  const {message, code, errors} = error as Error & {code?: string; errors?: Error[]};
  return message || errors?.map(one => one.message).join('; ') || code || String(error);
}
