import {spawn} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs one suite in a process of its own and returns its counts and failures. A suite that crashes, is stopped,
 * or runs no test has failed, whatever it counted: `problem` says why. `output` gets what it writes. `abortSignal` stops it.
 */
export async function runSuite(name, {title, args, env = {}, counts = true, minutes}, output, abortSignal) {
  const folder = await mkdtemp(join(tmpdir(), 'sharedb-tabs-counts-'));
  const file = join(folder, 'counts.json');
  const started = Date.now();
  output.write(process.stdout, `\n=== ${name}: ${title}\n\n`);
  const ended = await run(process.execPath, args, {...colours, ...process.env, ...env, TEST_COUNTS_FILE: file}, {minutes, output, abortSignal});
  const seconds = (Date.now() - started) / 1000;
  const counted = counts ? await read(file) : exitCodeAsCount(ended);
  await rm(folder, {recursive: true, force: true});

  const result = {name, passed: 0, failed: 0, skipped: 0, failures: [], ...counted, seconds};
  const problem = problemOf(ended, counted, result, minutes);
  if (problem) output.write(process.stderr, `\n${name}: ${problem}\n`);
  output.end();
  return problem ? {...result, failed: Math.max(result.failed, 1), problem} : result;
}

function problemOf(ended, counted, {passed, failed}, minutes) {
  if (ended.timedOut) return `stopped after ${minutes} minutes`;
  if (!counted) return `ended without a result (${ended.how})`;
  if (passed + failed === 0) return 'ran no test';
  if (failed === 0 && ended.how !== 'exit code 0') return `no test failed, but it ended with ${ended.how}`;
  return undefined;
}

function exitCodeAsCount({how}) {
  return how === 'exit code 0' ? {passed: 1} : {failed: 1, failures: [`ended with ${how}`]};
}

async function read(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A suite is stopped together with all processes that it has started: as a process group, which Windows does not have. */
const ownGroup = process.platform !== 'win32';
const graceSeconds = 5;
/** A suite writes to a pipe. It uses colours if this process writes to a terminal. */
const colours = process.stdout.isTTY ? {FORCE_COLOR: '1'} : {};

function run(command, args, env, {minutes, output, abortSignal}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: ownGroup});
    child.stdout.on('data', data => output.write(process.stdout, data));
    child.stderr.on('data', data => output.write(process.stderr, data));
    const closed = new Promise(resolveClosed => child.once('close', resolveClosed));
    const signalAll = signal => ownGroup ? process.kill(-child.pid, signal) : child.kill(signal);
    let killTimer;
    const stop = () => {
      // Puppeteer closes its browser on SIGINT. On SIGKILL it can't.
      signalAll('SIGINT');
      killTimer = setTimeout(() => signalAll('SIGKILL'), graceSeconds * 1000);
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, minutes * 60_000);
    abortSignal.addEventListener('abort', stop);
    child.once('error', reject);
    child.once('exit', async (code, signal) => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      abortSignal.removeEventListener('abort', stop);
      // A process that the suite has left behind can keep the pipes open after its end.
      await Promise.race([closed, wait(1000)]);
      resolve({timedOut, how: signal ? `signal ${signal}` : `exit code ${code}`});
    });
  });
}
