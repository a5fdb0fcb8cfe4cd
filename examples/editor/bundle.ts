import {copyFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import webpack from 'webpack';

/** The repository's root. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The common configuration of the examples' pages: TypeScript, and the package by its own name, as in an app, but from its
 * sources.
 * @param entries the entries of the package that the page imports, such as `undo`
 */
export function sources(entries: readonly string[]): Pick<webpack.Configuration, 'resolve' | 'module'> {
  return {
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      // ShareDB tries to load `util`, and uses `inherits` without it.
      fallback: {util: false},
      alias: {
        'sharedb-tabs$': join(root, 'lib/index.ts'),
        ...Object.fromEntries(entries.map(entry => [`sharedb-tabs/${entry}$`, join(root, `lib/${entry}.ts`)]))
      }
    },
    module: {
      rules: [
        {
          test: /\.ts$/,
          loader: 'ts-loader',
          options: {
            transpileOnly: true,
            configFile: join(root, 'tsconfig.json'),
            compilerOptions: {noEmit: false, sourceMap: true}
          }
        }
      ]
    }
  };
}

/** Runs webpack once. Rejects with its errors. */
export function bundle(configuration: webpack.Configuration): Promise<void> {
  return new Promise((resolve, reject) => {
    const compiler = webpack(configuration);
    if (!compiler) return reject(new Error('webpack did not start'));
    compiler.run((error, stats) => {
      compiler.close(() => {
        if (error) return reject(error);
        if (stats?.hasErrors()) return reject(new Error(stats.toString({all: false, errors: true})));
        if (stats?.hasWarnings()) console.warn(stats.toString({all: false, warnings: true}));
        resolve();
      });
    });
  });
}

/**
 * Bundles the page of an example, `main.ts` and the workers that it names, and copies its `index.html`.
 * @param client the folder of the page's sources
 * @param entries as in {@link sources}
 * @param more further options of webpack
 */
export async function bundlePage(client: string, outDir: string, entries: readonly string[], more: webpack.Configuration = {}): Promise<void> {
  await bundle({
    mode: 'development',
    context: root,
    entry: {main: join(client, 'main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    devtool: 'cheap-module-source-map',
    ...sources(entries),
    performance: {hints: false},
    ...more
  });
  await copyFile(join(client, 'index.html'), join(outDir, 'index.html'));
}
