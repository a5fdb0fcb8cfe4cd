import {existsSync} from 'node:fs';
import {cp, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {execute} from './execute.js';
import {versions} from './versions.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const appFiles = fileURLToPath(new URL('app', import.meta.url));

let folder: string;
/** The packed package, as npm would get it. */
export let tarball: string;
/** The folder above the apps that share a `node_modules`. */
let shared: string;

before('pack the package and install what most apps need', async function () {
  // Here, so that the time of the builds and of the install does not count in that of the first test.
  this.timeout(600_000);
  folder = await mkdtemp(join(tmpdir(), 'sharedb-tabs-consumers-'));
  // Packing would build it first ("prepack"), which writes to stdout too.
  await execute('npm', ['run', 'build'], root);
  const output = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  const [{filename}] = JSON.parse(output) as [{filename: string}];
  tarball = join(folder, filename);
  shared = await installShared();
});

after('remove the apps', function () {
  this.timeout(120_000);
  return rm(folder, {recursive: true, force: true});
});

/** The test app in a folder of its own: with these packages, or in one of those that share theirs. Returns the folder. */
export async function createApp(name: string, packages: string[]): Promise<string> {
  const app = packages.length ? await createEmptyApp(name, [tarball, ...packages]) : await createFolder(name);
  await cp(appFiles, app, {recursive: true});
  return app;
}

/** The `package.json` that `npm install` writes into an empty folder has no `type`. */
export const AS_NPM_INSTALL_MAKES_IT = {type: undefined};

/**
 * An empty folder for an app. All these apps have one `node_modules` above them, with everything that `versions` names but React 18:
 * an install for each would take most of the suite's time.
 */
export async function createFolder(name: string, manifest: object = {}): Promise<string> {
  const app = join(shared, name);
  await mkdir(app, {recursive: true});
  await writeFile(join(app, 'package.json'), JSON.stringify({name, private: true, type: 'module', ...manifest}));
  return app;
}

async function installShared(): Promise<string> {
  const {react18: _, ...others} = versions;
  return createEmptyApp('shared', [tarball, ...Object.values(others).flat()], {workspaces: []});
}

/** A folder with nothing but these packages. Returns the folder. */
export async function createEmptyApp(name: string, packages: string[], manifest: object = {}): Promise<string> {
  const app = join(folder, name);
  await mkdir(app);
  await writeFile(join(app, 'package.json'), JSON.stringify({name, private: true, type: 'module', ...manifest}));
  await execute('npm', ['install', '--no-audit', '--no-fund', ...packages], app);
  return app;
}

/** Runs a program that a package of the app replays. */
export function runBin(app: string, name: string, args: string[]): Promise<string> {
  return execute(binOf(app, name), args, app);
}

/** The app's own, or of the folder above. */
export function binOf(app: string, name: string): string {
  const own = join(app, 'node_modules', '.bin', name);
  return existsSync(own) ? own : join(app, '..', 'node_modules', '.bin', name);
}
