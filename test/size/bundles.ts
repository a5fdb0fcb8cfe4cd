import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {brotliCompressSync} from 'node:zlib';
import webpack from 'webpack';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Size {
  /** Bytes, minified. */
  minified: number;
  /** Bytes of that, compressed by brotli at its best level, each file separately. */
  brotli: number;
}

export interface Sizes<Name extends string> {
  /** The code that each script loads before it can do anything. */
  scripts: Record<Name, Size>;
  /** The code that they load on demand. */
  onDemand: Size;
}

/** Builds scripts as an app ships them, each separately, and measures the output. */
export async function weigh<Name extends string>(scripts: Record<Name, string>): Promise<Sizes<Name>> {
  const folder = await mkdtemp(join(tmpdir(), 'sharedb-tabs-size-'));
  try {
    const names = Object.keys(scripts) as Name[];
    for (const name of names) await writeFile(join(folder, `${name}.js`), scripts[name]);
    const stats = await build(folder, names);
    const {entrypoints = {}, assets = []} = stats.toJson({all: false, entrypoints: true, assets: true});
    const eager = (name: Name): string[] => (entrypoints[name]?.assets ?? []).map(asset => asset.name);
    const rest = assets.map(({name}) => name).filter(name => !names.some(script => eager(script).includes(name)));
    const sizes = await Promise.all(names.map(async name => [name, await sizeOf(folder, eager(name))] as const));
    return {scripts: Object.fromEntries(sizes) as Record<Name, Size>, onDemand: await sizeOf(folder, rest)};
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function sizeOf(folder: string, files: readonly string[]): Promise<Size> {
  const size = {minified: 0, brotli: 0};
  for (const file of files) {
    const code = await readFile(join(folder, 'out', file));
    size.minified += code.length;
    size.brotli += brotliCompressSync(code).length;
  }
  return size;
}

function build(folder: string, names: readonly string[]): Promise<webpack.Stats> {
  const compiler = webpack({
    mode: 'production',
    context: root,
    entry: Object.fromEntries(names.map(name => [name, join(folder, `${name}.js`)])),
    output: {path: join(folder, 'out'), filename: '[name].js', chunkFilename: 'on-demand-[id].js'},
    resolve: {
      modules: [join(root, 'node_modules')],
      alias: {'sharedb-tabs$': join(root, 'lib/index.ts'), 'sharedb-tabs/worker$': join(root, 'lib/worker.ts'), 'sharedb-tabs/collections$': join(root, 'lib/collections.ts'), 'sharedb-tabs/remote$': join(root, 'lib/remote.ts'), 'sharedb-tabs/tasks$': join(root, 'lib/tasks.ts')},
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      fallback: {util: false}
    },
    resolveLoader: {modules: [join(root, 'node_modules')]},
    module: {
      rules: [
        // As in the package's own manifest; here it is taken from its sources.
        {test: /\.ts$/, sideEffects: false},
        {
          test: /\.ts$/,
          loader: 'ts-loader',
          options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false}}
        }
      ]
    },
    performance: {hints: false}
  });
  return new Promise((resolve, reject) => {
    compiler!.run((error, stats) => {
      compiler!.close(() => {
        if (error) reject(error);
        else if (stats!.hasErrors()) reject(new Error(stats!.toString({all: false, errors: true})));
        else resolve(stats!);
      });
    });
  });
}
