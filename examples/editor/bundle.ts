import webpack from 'webpack';

/** Runs webpack once; rejects with what it has to say. */
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
