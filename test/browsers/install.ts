import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

/** Whether this is Debian or Ubuntu and the user is root, so that `installPackages` may work. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease());
}

/** Installs packages with apt-get; its output is shown. Throws if that fails. */
export function installPackages(names: string[]): void {
  aptGet('update');
  aptGet('install', '--yes', '--no-install-recommends', ...names);
}

function aptGet(...args: string[]): void {
  const {status, error} = spawnSync('apt-get', args, {
    env: {...process.env, DEBIAN_FRONTEND: 'noninteractive'},
    stdio: ['ignore', 'inherit', 'inherit']
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${status}`);
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
