/** Finds the programs of PostgreSQL and Redis, and installs missing ones. */
import {spawnSync} from 'node:child_process';
import {accessSync, constants, readFileSync, readdirSync} from 'node:fs';
import {delimiter, join} from 'node:path';

interface Needed {
  title: string;
  /** Names of the program, best first. */
  names: string[];
  /** The environment variable that names the folder of the program. */
  variable: string;
  /** The folders outside of PATH in which Debian installs it. */
  folders(): string[];
  aptPackage: string;
}

const DEBIAN_POSTGRES = '/usr/lib/postgresql';

const needed = {
  postgres: {
    title: 'PostgreSQL', names: ['postgres'], variable: 'POSTGRES_BIN_DIR', aptPackage: 'postgresql',
    folders: () => versionsOf(DEBIAN_POSTGRES).map(version => join(DEBIAN_POSTGRES, version, 'bin'))
  },
  initdb: {
    title: "PostgreSQL's initdb", names: ['initdb'], variable: 'POSTGRES_BIN_DIR', aptPackage: 'postgresql',
    folders: () => versionsOf(DEBIAN_POSTGRES).map(version => join(DEBIAN_POSTGRES, version, 'bin'))
  },
  redis: {
    title: 'Redis', names: ['redis-server', 'valkey-server'], variable: 'REDIS_BIN_DIR', aptPackage: 'redis-server',
    folders: () => []
  }
} satisfies Record<string, Needed>;

export type ProgramName = keyof typeof needed;

/**
 * The paths of programs. Installs missing ones with apt-get if this process is root on Debian or Ubuntu.
 * @throws an error that says what to install, which variable to set, or which one names a folder without the program
 */
export function requirePrograms<Name extends ProgramName>(...names: Name[]): Record<Name, string> {
  const missing = names.map(name => needed[name]).filter(program => !find(program));
  for (const {variable, names: wanted} of missing) {
    const named = process.env[variable];
    // What apt-get installs would not be in that folder.
    if (named) throw new Error(`${variable} is ${named}, which has no program ${wanted.join(' or ')}`);
  }
  if (missing.length) install(missing);
  return Object.fromEntries(names.map(name => [name, find(needed[name])!])) as Record<Name, string>;
}

function find({names, variable, folders}: Needed): string | undefined {
  const named = process.env[variable];
  const path = named ? [named] : [...folders(), ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean)];
  return path.flatMap(folder => names.map(name => join(folder, name))).find(isRunnable);
}

function install(missing: Needed[]): void {
  const packages = [...new Set(missing.map(({aptPackage}) => aptPackage))];
  const titles = missing.map(({title, variable}) => `${title} (or ${variable}, the folder of its programs)`).join(' and ');
  const complaint = `This needs ${titles}. On Debian: apt-get install ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(textOf('/etc/os-release'))) throw new Error(complaint);
  console.log(`Installing ${packages.join(', ')} with apt-get.`);
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    const {status} = spawnSync('apt-get', args, {
      // Debian's packages start a service. In this runlevel invoke-rc.d(8) does not; this process starts its own.
      env: {...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1'}, stdio: ['ignore', 'inherit', 'inherit']
    });
    if (status !== 0) throw new Error(`${complaint}. apt-get ${args[0]} ended with ${status}.`);
  }
  const still = missing.find(program => !find(program));
  if (still) throw new Error(`${complaint}. The packages are installed, and ${still.names[0]} was not found.`);
}

/** The newest one first. */
function versionsOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort((one, other) => Number(other) - Number(one));
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
