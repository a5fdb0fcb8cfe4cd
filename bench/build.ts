import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import webpack from 'webpack';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Fills `outDir` with the page and its workers, as an app would be shipped. */
export async function build(outDir: string): Promise<void> {
  await bundle({
    mode: 'production',
    context: root,
    entry: {main: join(root, 'bench/page/main.ts')},
    output: {path: outDir, filename: '[name].js', clean: true},
    resolve: {
      extensions: ['.ts', '.js'],
      extensionAlias: {'.js': ['.ts', '.js']},
      // ShareDB tries it and takes `inherits` where it is not to be had.
      fallback: {util: false}
    },
    module: {
      rules: [{
        test: /\.ts$/,
        loader: 'ts-loader',
        options: {transpileOnly: true, configFile: join(root, 'tsconfig.json'), compilerOptions: {noEmit: false}}
      }]
    },
    performance: {hints: false}
  });
  await mkdir(outDir, {recursive: true});
  await writeFile(join(outDir, 'index.html'), '<!doctype html><meta charset="utf-8"><title>bench</title><script src="main.js"></script>');
}

function bundle(configuration: webpack.Configuration): Promise<void> {
  return new Promise((resolve, reject) => {
    const compiler = webpack(configuration);
    if (!compiler) return reject(new Error('webpack did not start'));
    compiler.run((error, stats) => {
      compiler.close(() => {
        if (error) return reject(error);
        if (stats?.hasErrors()) return reject(new Error(stats.toString({all: false, errors: true})));
        resolve();
      });
    });
  });
}
