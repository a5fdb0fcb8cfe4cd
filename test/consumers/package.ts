import {cp, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {execute} from './execute.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const appFiles = fileURLToPath(new URL('app', import.meta.url));

let folder: string;
/** The packed package, as npm would get it. */
export let tarball: string;

before('pack the package', async function () {
  this.timeout(120_000);
  folder = await mkdtemp(join(tmpdir(), 'sharedb-tabs-consumers-'));
  // Packing would build it first ("prepack"), which writes to stdout too.
  await execute('npm', ['run', 'build'], root);
  const output = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  const [{filename}] = JSON.parse(output) as [{filename: string}];
  tarball = join(folder, filename);
});

after('remove the apps', () => rm(folder, {recursive: true, force: true}));

/** The test app in a folder of its own that has the packed package and others installed. Returns the folder. */
export async function createApp(name: string, packages: string[]): Promise<string> {
  const app = await createEmptyApp(name, [tarball, ...packages]);
  await cp(appFiles, app, {recursive: true});
  return app;
}

/** A folder with nothing but these packages. Returns the folder. */
export async function createEmptyApp(name: string, packages: string[]): Promise<string> {
  const app = join(folder, name);
  await mkdir(app);
  await writeFile(join(app, 'package.json'), JSON.stringify({name, private: true, type: 'module'}));
  await execute('npm', ['install', '--no-audit', '--no-fund', ...packages], app);
  return app;
}

/** Runs a program that a package of the app brings along. */
export function runBin(app: string, name: string, args: string[]): Promise<string> {
  return execute(join(app, 'node_modules', '.bin', name), args, app);
}
